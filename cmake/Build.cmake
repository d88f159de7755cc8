# How things are built, apart from warnings: build types, hardening, sanitizers, coverage. Applies to every target.
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Release or Debug" FORCE)
endif()

# Optimised and still debuggable; asserts stay in, they guard no hot path.
set(CMAKE_C_FLAGS_RELEASE "-O2 -g")
set(CMAKE_C_FLAGS_DEBUG "-O1 -g")

set(BERTH_SANITIZE "" CACHE STRING "Sanitizers to build with, as -fsanitize takes them: address,undefined or thread")
option(BERTH_COVER "Count executed lines (gcov)" OFF)
option(BERTH_FUZZ "Build the libFuzzer targets (clang only)" OFF)

# Moves of state machines that no table lists stop the program, and those that are made are noted: for tests, and free of
# cost in what users get. It changes structures, and so is the same for every file.
if(NOT CMAKE_BUILD_TYPE STREQUAL Release)
  add_compile_definitions(BERTH_MOVES)
endif()

# gcc clears structures of a few hundred bytes with "rep stos", which waits for all stores before it: behind the copy of a
# data segment that is as dear as all the rest of a task's end. Plain stores do not wait.
include(CheckCCompilerFlag)
check_c_compiler_flag(-mmemset-strategy=vector_loop:512:noalign,libcall:-1:noalign BERTH_PLAIN_CLEARS)
if(BERTH_PLAIN_CLEARS)
  add_compile_options($<$<CONFIG:Release>:-mmemset-strategy=vector_loop:512:noalign,libcall:-1:noalign>)
endif()

include(CheckPIESupported)
check_pie_supported(LANGUAGES C)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

if(BERTH_FUZZ)
  if(NOT CMAKE_C_COMPILER_ID MATCHES Clang)
    message(FATAL_ERROR "BERTH_FUZZ needs clang: configure with CC=clang, or use the preset 'fuzz'")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

if(BERTH_SANITIZE)
  add_compile_options(-fsanitize=${BERTH_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${BERTH_SANITIZE})
else()
  # FORTIFY and the sanitizers wrap the same calls: one or the other. It needs optimisation.
  add_compile_options($<$<CONFIG:Release>:-U_FORTIFY_SOURCE> $<$<CONFIG:Release>:-D_FORTIFY_SOURCE=2>
                      -fstack-protector-strong)
  add_link_options(LINKER:-z,relro LINKER:-z,now)
endif()

if(BERTH_COVER)
  add_compile_options(--coverage -O0)
  add_link_options(--coverage)
endif()

# What users get is compiled once more while it is linked, across all files: a fifth fewer instructions per I/O. The objects
# hold plain code beside it, which tests and other tools take.
set(BERTH_ACROSS_FILES "")
if(CMAKE_C_COMPILER_ID STREQUAL "GNU" AND CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT BERTH_SANITIZE AND NOT BERTH_COVER)
  set(BERTH_ACROSS_FILES -flto=auto)
  add_link_options($<$<NOT:$<BOOL:$<TARGET_PROPERTY:BERTH_ACROSS_FILES>>>:-fno-lto>)
endif()

# berth_across_files(TARGET): TARGET holds, or is linked of, objects that are optimised together.
function(berth_across_files target)
  if(BERTH_ACROSS_FILES)
    target_compile_options(${target} PRIVATE ${BERTH_ACROSS_FILES} -ffat-lto-objects)
    target_link_options(${target} PRIVATE ${BERTH_ACROSS_FILES})
    set_target_properties(${target} PROPERTIES BERTH_ACROSS_FILES ON)
  endif()
endfunction()
