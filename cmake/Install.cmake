# cmake --install: library, headers, pkg-config file, man pages, units for systemd, command.
install(TARGETS libberth_shared libberth_static
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/berth DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(FILES ${CMAKE_BINARY_DIR}/libberth.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

foreach(section 1 3 5)
  file(GLOB pages CONFIGURE_DEPENDS doc/man/*.${section})
  install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
endforeach()

# For systemd, which looks there below /usr and /usr/local.
foreach(unit berth-serve@ berth@)
  configure_file(systemd/${unit}.service.in ${CMAKE_BINARY_DIR}/${unit}.service @ONLY)
  install(FILES ${CMAKE_BINARY_DIR}/${unit}.service DESTINATION lib/systemd/system)
endforeach()
install(FILES ${CMAKE_SOURCE_DIR}/systemd/berth-serve@.socket DESTINATION lib/systemd/system)

# Where the shells look for what is in packages.
install(FILES completions/berth DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES completions/_berth DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
install(FILES completions/berth.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)

install(DIRECTORY target/scripts DESTINATION ${CMAKE_INSTALL_DATADIR}/berth)
install(TARGETS berth_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})

# What `make` builds: the product without its tests.
add_custom_target(product DEPENDS berth_cli libberth_shared libberth_static)
