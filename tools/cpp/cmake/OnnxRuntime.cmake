# Defines the target onnxruntime::onnxruntime.
#
# ONNXRUNTIME_INCLUDE_DIR  folder of onnxruntime_cxx_api.h; found where packages of the system put it
# ONNXRUNTIME_LIBRARY      the library; by default that of the Python which is first on the PATH, because it is the one
#                          that `xec predict` uses, else that of the system
# XEC_PYTHON               another Python to take the library from

find_path(ONNXRUNTIME_INCLUDE_DIR onnxruntime_cxx_api.h
  PATH_SUFFIXES onnxruntime onnxruntime/core/session
  DOC "Folder of onnxruntime_cxx_api.h")
if(NOT EXISTS "${ONNXRUNTIME_INCLUDE_DIR}/onnxruntime_cxx_api.h")
  message(FATAL_ERROR
    "no onnxruntime_cxx_api.h in '${ONNXRUNTIME_INCLUDE_DIR}'; expected -DONNXRUNTIME_INCLUDE_DIR=FOLDER with the "
    "C++ headers of ONNX Runtime, which tools/cpp/onnxruntime_headers.sh FOLDER unpacks on Debian")
endif()

if(NOT ONNXRUNTIME_LIBRARY)
  # By the PATH: CMake's own search would take the newest Python of the system.
  find_program(XEC_PYTHON NAMES python3 python)
  if(XEC_PYTHON)
    execute_process(
      COMMAND "${XEC_PYTHON}" -c "import importlib.util as u; print(u.find_spec('onnxruntime').submodule_search_locations[0])"
      OUTPUT_VARIABLE wheel OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    file(GLOB found "${wheel}/capi/libonnxruntime.so.1*" "${wheel}/capi/libonnxruntime.1*.dylib")
    if(wheel AND found)
      list(GET found 0 found)
      set(ONNXRUNTIME_LIBRARY "${found}" CACHE FILEPATH "The library of ONNX Runtime" FORCE)
    endif()
  endif()
endif()
find_library(ONNXRUNTIME_LIBRARY onnxruntime DOC "The library of ONNX Runtime")
if(NOT EXISTS "${ONNXRUNTIME_LIBRARY}")
  message(FATAL_ERROR
    "no library of ONNX Runtime: '${XEC_PYTHON}' has no package onnxruntime, and the system has none; expected an "
    "active environment with xec, or -DONNXRUNTIME_LIBRARY=FILE")
endif()
message(STATUS "ONNX Runtime: ${ONNXRUNTIME_LIBRARY}, headers in ${ONNXRUNTIME_INCLUDE_DIR}")

# The wheel's file is libonnxruntime.so.1.x.y, but programs that are linked with it look for its SONAME,
# libonnxruntime.so.1, which wheels cannot hold as a link.
get_filename_component(name "${ONNXRUNTIME_LIBRARY}" NAME)
set(linked "${ONNXRUNTIME_LIBRARY}")
if(name MATCHES "^libonnxruntime\\.so\\.1\\.")
  set(linked "${CMAKE_BINARY_DIR}/onnxruntime/libonnxruntime.so.1")
  file(MAKE_DIRECTORY "${CMAKE_BINARY_DIR}/onnxruntime")
  file(CREATE_LINK "${ONNXRUNTIME_LIBRARY}" "${linked}" SYMBOLIC)
endif()

add_library(onnxruntime::onnxruntime SHARED IMPORTED GLOBAL)
set_target_properties(onnxruntime::onnxruntime PROPERTIES
  IMPORTED_LOCATION "${linked}"
  INTERFACE_INCLUDE_DIRECTORIES "${ONNXRUNTIME_INCLUDE_DIR}")
