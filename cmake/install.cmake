# cmake --install build/release --prefix DIR: the program in DIR/bin; the engines, which it starts
# itself, in DIR/lib/hitless (each engine installs its own files there).
install(TARGETS hitless RUNTIME DESTINATION bin)
install(FILES ${CMAKE_SOURCE_DIR}/README.md DESTINATION share/doc/hitless)
