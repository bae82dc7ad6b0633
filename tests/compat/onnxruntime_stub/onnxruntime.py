"""Stands in for the Python package onnxruntime where that is not installed: as much of it as predict.py uses, over the C interface of the very libonnxruntime.so that the server
loads. For tests only. ONNXRUNTIME_LIBRARY names the library.

The numbers of the functions are their places in OrtApi (onnxruntime_c_api.h); that table only ever grows at its end.
"""
import ctypes, os

import numpy as np

GET_ERROR_MESSAGE, CREATE_ENV, CREATE_SESSION, RUN, CREATE_SESSION_OPTIONS, SET_INTRA_OP_THREADS, SET_INTER_OP_THREADS = 2, 3, 7, 9, 10, 24, 25
SESSION_GET_INPUT_COUNT, SESSION_GET_OUTPUT_COUNT, SESSION_GET_INPUT_NAME, SESSION_GET_OUTPUT_NAME = 30, 31, 36, 37
CREATE_TENSOR_WITH_DATA, GET_TENSOR_MUTABLE_DATA, GET_TENSOR_ELEMENT_TYPE, GET_DIMENSIONS_COUNT, GET_DIMENSIONS, GET_TENSOR_TYPE_AND_SHAPE = 49, 51, 60, 61, 62, 65
CREATE_CPU_MEMORY_INFO, GET_ALLOCATOR, RELEASE_STATUS, RELEASE_VALUE, RELEASE_SHAPE = 69, 78, 93, 96, 99
VERSION = 11  # of the interface; all that is used here is older
TYPES = {1: np.float32, 2: np.uint8, 3: np.int8, 4: np.uint16, 5: np.int16, 6: np.int32, 7: np.int64, 9: np.bool_, 11: np.float64}


class _Base(ctypes.Structure):
    _fields_ = [("get", ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_uint32)), ("version", ctypes.CFUNCTYPE(ctypes.c_char_p))]


_library = ctypes.CDLL(os.environ["ONNXRUNTIME_LIBRARY"])
_library.OrtGetApiBase.restype = ctypes.POINTER(_Base)
_base = _library.OrtGetApiBase().contents
_table = ctypes.cast(_base.get(VERSION), ctypes.POINTER(ctypes.c_void_p))
__version__ = _base.version().decode()


def _function(number, result, *arguments):
    return ctypes.CFUNCTYPE(result, *arguments)(_table[number])


def _call(number, *arguments):
    """Calls a function that gives a status; raises what it says."""
    status = _function(number, ctypes.c_void_p, *(type(a) if isinstance(a, ctypes._SimpleCData) else ctypes.c_void_p for a in arguments))(*arguments)
    if status:
        message = _function(GET_ERROR_MESSAGE, ctypes.c_char_p, ctypes.c_void_p)(status).decode()
        _release(RELEASE_STATUS, status)
        raise RuntimeError(message)


def _release(number, thing):
    _function(number, None, ctypes.c_void_p)(thing)


def _made(number, *arguments):
    """What a function writes into its last argument: a pointer."""
    made = ctypes.c_void_p()
    _call(number, *arguments, ctypes.byref(made))
    return made


def _strings(words):
    return (ctypes.c_char_p * len(words))(*(w.encode() for w in words))


class _Argument:
    def __init__(self, name):
        self.name = name


def disable_telemetry_events():
    """Of no effect here: the library was told by its environment when it was loaded, which is what counts on Linux."""


class SessionOptions:
    intra_op_num_threads = inter_op_num_threads = 0


class InferenceSession:
    def __init__(self, path, sess_options=None, providers=None):
        assert providers in (None, ["CPUExecutionProvider"])
        options = _made(CREATE_SESSION_OPTIONS)
        _call(SET_INTRA_OP_THREADS, options, ctypes.c_int((sess_options or SessionOptions).intra_op_num_threads))
        _call(SET_INTER_OP_THREADS, options, ctypes.c_int((sess_options or SessionOptions).inter_op_num_threads))
        self._environment = _made(CREATE_ENV, ctypes.c_int(3), ctypes.c_char_p(b"test"))
        self._session = _made(CREATE_SESSION, self._environment, ctypes.c_char_p(os.fsencode(path)), options)
        self._memory = _made(CREATE_CPU_MEMORY_INFO, ctypes.c_int(0), ctypes.c_int(0))

    def _arguments(self, counter, namer):
        count = ctypes.c_size_t()
        _call(counter, self._session, ctypes.byref(count))
        allocator = _made(GET_ALLOCATOR)
        return [_Argument(ctypes.cast(_made(namer, self._session, ctypes.c_size_t(i), allocator), ctypes.c_char_p).value.decode()) for i in range(count.value)]

    def get_inputs(self):
        return self._arguments(SESSION_GET_INPUT_COUNT, SESSION_GET_INPUT_NAME)

    def get_outputs(self):
        return self._arguments(SESSION_GET_OUTPUT_COUNT, SESSION_GET_OUTPUT_NAME)

    def run(self, outputs, inputs):
        outputs = outputs or [o.name for o in self.get_outputs()]
        # The library reads where the arrays are: they live until it has answered.
        arrays = [np.ascontiguousarray(a) for a in inputs.values()]
        values = []
        for array in arrays:
            shape = (ctypes.c_int64 * array.ndim)(*array.shape)
            kind = next(number for number, t in TYPES.items() if t == array.dtype)
            values.append(_made(CREATE_TENSOR_WITH_DATA, self._memory, ctypes.c_void_p(array.ctypes.data), ctypes.c_size_t(array.nbytes), shape, ctypes.c_size_t(array.ndim), ctypes.c_int(kind)))
        answers = (ctypes.c_void_p * len(outputs))()
        _call(RUN, self._session, ctypes.c_void_p(), _strings(list(inputs)), (ctypes.c_void_p * len(values))(*(v.value for v in values)), ctypes.c_size_t(len(values)), _strings(outputs), ctypes.c_size_t(len(outputs)), answers)
        for value in values:
            _release(RELEASE_VALUE, value)
        return [self._array(ctypes.c_void_p(answer)) for answer in answers]

    def _array(self, value):
        kind, rank = ctypes.c_int(), ctypes.c_size_t()
        about = _made(GET_TENSOR_TYPE_AND_SHAPE, value)
        _call(GET_TENSOR_ELEMENT_TYPE, about, ctypes.byref(kind))
        _call(GET_DIMENSIONS_COUNT, about, ctypes.byref(rank))
        shape = (ctypes.c_int64 * rank.value)()
        _call(GET_DIMENSIONS, about, shape, rank)
        array = np.empty(tuple(shape), TYPES[kind.value])
        ctypes.memmove(array.ctypes.data, _made(GET_TENSOR_MUTABLE_DATA, value), array.nbytes)
        _release(RELEASE_SHAPE, about)
        _release(RELEASE_VALUE, value)
        return array
