# One place for the language level and the warnings of every target.
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

option(BERTH_WERROR "Treat warnings as errors" ON)

add_library(berth_warnings INTERFACE)
target_compile_options(berth_warnings INTERFACE
  -Wall -Wextra $<$<BOOL:${BERTH_WERROR}>:-Werror> -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wcast-qual
  -Wwrite-strings -Wundef -Wvla -Wformat=2 -Wconversion -Wno-sign-conversion)
target_compile_definitions(berth_warnings INTERFACE _GNU_SOURCE)
