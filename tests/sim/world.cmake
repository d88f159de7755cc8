# The initiator's floors against a small target, in a simulated world (world.h, mini_target.h). Tests elsewhere use it
# through sim_world, too.
berth_view(sim_world base wire proto scsi host engine initiator block)
foreach(part lu referee stream)
  file(CREATE_LINK ${CMAKE_SOURCE_DIR}/target/${part} ${CMAKE_BINARY_DIR}/views/sim_world/${part} SYMBOLIC)
endforeach()
add_library(sim_world OBJECT world.c mini_target.c lab.c witness.c)
target_link_libraries(sim_world PRIVATE view_sim_world berth_warnings)

# berth_world_test(NAME NOUN): the executable NAME from NOUN_test.c over everything that a LUN stands on.
function(berth_world_test name noun)
  add_executable(${name} ${noun}_test.c)
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests/sim)
  target_link_libraries(${name} PRIVATE sim_world target_referee target_stream target_lu
    floor_base floor_wire floor_proto floor_scsi floor_host floor_engine floor_initiator floor_block
    view_sim_world berth_warnings PkgConfig::CMOCKA ${BERTH_SYSTEM})
endfunction()

# Storms: each a seed, judged by the ledger of tests/faults.
berth_world_test(sim_storm_test storm)
target_sources(sim_storm_test PRIVATE storm.c weather.c burden.c ${CMAKE_SOURCE_DIR}/tests/faults/stamp.c)
target_include_directories(sim_storm_test PRIVATE ${CMAKE_SOURCE_DIR}/tests/faults)
foreach(part 0 1 2 3)
  math(EXPR first "${part} * 1000 + 1")
  add_test(NAME sim.storm_${part} COMMAND sim_storm_test ${first} 1000)
  set_tests_properties(sim.storm_${part} PROPERTIES LABELS sim TIMEOUT 1500)
endforeach()

foreach(noun initiator_states seek redirect reconnect aftermath escalation climb)
  berth_world_test(sim_${noun}_test ${noun})
  add_test(NAME sim.${noun} COMMAND sim_${noun}_test)
  set_tests_properties(sim.${noun} PROPERTIES LABELS sim TIMEOUT 1500)
endforeach()
