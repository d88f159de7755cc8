# Writes the rules of all scripts in FOLDER as a C table to OUTPUT: cmake -DFOLDER=... -DOUTPUT=... -P Scripts.cmake
file(GLOB scripts ${FOLDER}/*)
list(SORT scripts)
set(rows "")
foreach(script IN LISTS scripts)
  get_filename_component(name ${script} NAME)
  file(STRINGS ${script} lines REGEX "^[^#]" ENCODING UTF-8)
  string(APPEND rows "    {\"${name}\",\n")
  foreach(line IN LISTS lines)
    string(REPLACE "\\" "\\\\" line "${line}")
    string(REPLACE "\"" "\\\"" line "${line}")
    string(APPEND rows "     \"${line}\\n\"\n")
  endforeach()
  string(APPEND rows "    },\n")
endforeach()
file(WRITE ${OUTPUT} "/* Made by cmake/Scripts.cmake. */
#include \"check/scripts.h\"

const struct embedded_script embedded_scripts[] = {
${rows}    {0, 0},
};
")
