# Defines the target torch::torch.
#
# XEC_TORCH_DIR  folder with include/ and lib/: that of the Python package torch, or an unpacked libtorch; by default
#                that of the Python which is first on the PATH, the one that `xec export --format pt2` compiles for
# XEC_PYTHON     another Python to take it from
#
# torch's own package for CMake asks for the whole toolkit of CUDA where its wheel is one for GPUs; this back end needs
# three libraries.

if(NOT XEC_TORCH_DIR)
  find_program(XEC_PYTHON NAMES python3 python)
  if(XEC_PYTHON)
    execute_process(
      COMMAND "${XEC_PYTHON}" -c "import importlib.util as u; print(u.find_spec('torch').submodule_search_locations[0])"
      OUTPUT_VARIABLE found OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    if(found)
      set(XEC_TORCH_DIR "${found}" CACHE PATH "Folder with include/ and lib/ of torch" FORCE)
    endif()
  endif()
endif()
set(header torch/csrc/inductor/aoti_package/model_package_loader.h)
if(NOT EXISTS "${XEC_TORCH_DIR}/include/${header}")
  message(FATAL_ERROR
    "no libtorch: '${XEC_PYTHON}' has no package torch, or '${XEC_TORCH_DIR}' lacks include/${header}; expected an "
    "active environment with xec, or -DXEC_TORCH_DIR=FOLDER")
endif()
message(STATUS "libtorch: ${XEC_TORCH_DIR}")

add_library(torch::torch INTERFACE IMPORTED GLOBAL)
# As those of an imported target they are headers of the system, whose warnings are none of ours.
target_include_directories(torch::torch INTERFACE
  "${XEC_TORCH_DIR}/include" "${XEC_TORCH_DIR}/include/torch/csrc/api/include")
foreach(name torch torch_cpu c10)
  find_library(XEC_LIB_${name} ${name} PATHS "${XEC_TORCH_DIR}/lib" NO_DEFAULT_PATH REQUIRED)
  mark_as_advanced(XEC_LIB_${name})
  target_link_libraries(torch::torch INTERFACE "${XEC_LIB_${name}}")
endforeach()
