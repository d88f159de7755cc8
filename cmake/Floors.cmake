# Floors of the house. berth_floor(NAME SEES lower...) declares the OBJECT library floor_NAME whose include
# path is a folder of links to itself and to the lower floors alone. Sources say #include "wire/pdu.h", which
# tells the reader the floor, and an include of a higher floor finds no file.
# The variable BERTH_FLOORS lists the floors in order, BERTH_SEES_NAME what floor NAME sees: the house tests read them.

function(berth_floor name)
  cmake_parse_arguments(FLOOR "" "" "SEES" ${ARGN})
  berth_view(${name} ${FLOOR_SEES} ${name})
  add_library(floor_${name} OBJECT)
  set_target_properties(floor_${name} PROPERTIES LINKER_LANGUAGE C POSITION_INDEPENDENT_CODE ON)
  target_link_libraries(floor_${name} PRIVATE view_${name} berth_warnings)
  berth_across_files(floor_${name})
  set(BERTH_FLOORS ${BERTH_FLOORS} ${name} PARENT_SCOPE)
  set(BERTH_SEES_${name} ${FLOOR_SEES} PARENT_SCOPE)
endfunction()

# berth_view(NAME floor...) makes the interface library view_NAME: the include path that shows these floors.
function(berth_view name)
  set(view ${CMAKE_BINARY_DIR}/views/${name})
  file(MAKE_DIRECTORY ${view})
  foreach(floor IN LISTS ARGN)
    file(CREATE_LINK ${CMAKE_SOURCE_DIR}/src/${floor} ${view}/${floor} SYMBOLIC)
  endforeach()
  add_library(view_${name} INTERFACE)
  target_include_directories(view_${name} INTERFACE ${CMAKE_SOURCE_DIR}/include ${view})
endfunction()
