# cmake --install: library, headers, pkg-config file, man pages, command.
install(TARGETS libberth_shared libberth_static
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/berth DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(FILES ${CMAKE_BINARY_DIR}/libberth.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

foreach(section 1 3)
  file(GLOB pages CONFIGURE_DEPENDS doc/man/*.${section})
  if(pages)
    install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
  endif()
endforeach()

if(TARGET berth_cli)
  set_target_properties(berth_cli PROPERTIES OUTPUT_NAME berth RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
  install(TARGETS berth_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

# What `make` builds: the product without its tests.
add_custom_target(product DEPENDS libberth_shared libberth_static)
if(TARGET berth_cli)
  add_dependencies(product berth_cli)
endif()
