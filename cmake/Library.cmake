# libberth: the objects of all floors as a shared and a static library, with what it takes to link to them.
set(objects "")
foreach(floor IN LISTS BERTH_FLOORS)
  list(APPEND objects $<TARGET_OBJECTS:floor_${floor}>)
endforeach()

set(map ${CMAKE_SOURCE_DIR}/cmake/libberth.map)
add_library(libberth_shared SHARED ${objects})
set_target_properties(libberth_shared PROPERTIES
  OUTPUT_NAME berth VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}
  LINKER_LANGUAGE C LINK_DEPENDS ${map})
target_link_options(libberth_shared PRIVATE LINKER:--version-script=${map})
berth_across_files(libberth_shared)
# Never unloaded: a thread may still be in the system's resolver when the last LUN is closed (src/host/lookup.c).
target_link_options(libberth_shared PRIVATE LINKER:-z,nodelete)
if(NOT BERTH_SANITIZE AND NOT BERTH_FUZZ)
  # Every symbol must come from somewhere: a floor that calls what nobody defines fails here, not at its users.
  target_link_options(libberth_shared PRIVATE LINKER:-z,defs)
endif()

# The static library is one object in which everything but the public functions has become local: it must not
# bring names like session_init into other people's programs. Instrumented builds have no use for that.
set(static_objects ${objects})
set(one_object "")
if(BERTH_ACROSS_FILES)
  set(one_object -O2 -g -fPIC ${BERTH_ACROSS_FILES} -flinker-output=nolto-rel)
endif()
if(NOT BERTH_SANITIZE AND NOT BERTH_FUZZ AND NOT BERTH_COVER)
  set(static_objects ${CMAKE_BINARY_DIR}/libberth.o)
  add_custom_command(OUTPUT ${static_objects} VERBATIM COMMAND_EXPAND_LISTS
    COMMAND ${CMAKE_C_COMPILER} ${one_object} -r -nostdlib -o ${static_objects} ${objects}
    COMMAND ${CMAKE_OBJCOPY} --localize-hidden ${static_objects}
    DEPENDS ${objects})
endif()
add_library(libberth_static STATIC ${static_objects})
set_target_properties(libberth_static PROPERTIES OUTPUT_NAME berth LINKER_LANGUAGE C)

# All floors as one archive, for the command: the target in it stands on floors below the public interface.
add_library(berth_floors STATIC ${objects})
set_target_properties(berth_floors PROPERTIES LINKER_LANGUAGE C)

foreach(library libberth_shared libberth_static)
  target_include_directories(${library} INTERFACE
    $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_link_libraries(${library} PRIVATE ${BERTH_SYSTEM})
endforeach()

set(berth_private_packages libcrypto)
if(ISAL_FOUND)
  list(APPEND berth_private_packages libisal)
endif()
if(URING_FOUND)
  list(APPEND berth_private_packages liburing)
endif()
list(JOIN berth_private_packages ", " BERTH_PC_PRIVATE)
configure_file(${CMAKE_SOURCE_DIR}/cmake/libberth.pc.in ${CMAKE_BINARY_DIR}/libberth.pc @ONLY)
