# cmake --install: library, headers, pkg-config file, man pages, command.
install(TARGETS libberth_shared libberth_static
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/berth DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(FILES ${CMAKE_BINARY_DIR}/libberth.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

foreach(section 1 3 5)
  file(GLOB pages CONFIGURE_DEPENDS doc/man/*.${section})
  install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
endforeach()

install(TARGETS berth_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})

# What `make` builds: the product without its tests.
add_custom_target(product DEPENDS berth_cli libberth_shared libberth_static)
