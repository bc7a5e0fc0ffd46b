"""From a trained sparse CNN to bit-exact FPGA firmware, without leaving Python.

    import sparsehls

    sparsehls.check(model)                      # can it be built, and what would it cost?
    firmware = sparsehls.build(model)           # an HLS project, proven equal to an exact reference
    firmware.predict(x)                         # the bits of the FPGA, as a NumPy array
    firmware.verify(model, x)                   # the same as Keras, or an error that says where not

`model` is a live Keras model or the path of a `.keras` file. The work is done by the command `cargo-sparsehls`, which the
wheel brings along, and by the C++ compiler of the machine; neither cargo nor Rust is needed.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import warnings
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeGuard, Union

import numpy as np

__all__ = ["Comparison", "Error", "Firmware", "Format", "Note", "Report", "build", "check", "predict", "verify"]

Model = Union[str, "os.PathLike[str]", Any]
Golden = Union[str, "os.PathLike[str]", "tuple[Any, Any]"]

# The functions of the libraries that this module calls; a library says which it has.
_ABI = 1
# The package that a notebook's models are in, as a part of paths.
_PACKAGE = "python"
# A line of the command that is a note, and its name.
_NOTE = re.compile(r"^\s*Note (.*) (\[[a-z0-9-]+\])$")


class Error(Exception):
    """What the command refuses. `code` is one of docs/errors.md; what does not apply is None."""

    def __init__(self, message: str, code: str = "internal", help: str | None = None, **places: Any) -> None:
        self.message, self.code, self.help = message, code, help
        self.file: str | None = places.get("file")
        self.key: str | None = places.get("key")
        self.layer: str | None = places.get("layer")
        #: All that is wrong, if it is more than one thing; this error is the first.
        self.errors: list[Error] = [self]
        #: What `verify` found, if that is the error.
        self.comparison: Comparison | None = None
        where = [f"{name}: {value}" for name, value in (("file", self.file), ("key", self.key), ("layer", self.layer)) if value]
        lines = [message, *where, *([f"help: {help}"] if help else []), f"code: {code}"]
        super().__init__("\n  ".join(lines))


class Note(UserWarning):
    """Something to know about that is no error."""


@dataclass(frozen=True)
class Format:
    """A fixed-point format: a value is mantissa * 2**-fraction."""

    signed: bool
    width: int
    fraction: int

    @property
    def step(self) -> float:
        """The difference between two numbers that follow each other."""
        return 2.0**-self.fraction

    def __str__(self) -> str:
        return f"{'' if self.signed else 'u'}fixed<{self.width},{self.width - self.fraction}>"


@dataclass(frozen=True)
class Report:
    """What `check` says of a model: the lines `layer` and `estimate` of docs/commands.md."""

    name: str
    layers: list[dict[str, Any]]
    estimate: dict[str, Any]


@dataclass(frozen=True)
class Comparison:
    """The firmware against Keras. An event is within float32 if Keras's own rounding explains its difference."""

    events: int
    events_different: int
    within_float32: int
    max_abs_difference: float
    tolerance: float


def check(model: Model, backend: str = "hls", golden: Golden | None = None, *, name: str | None = None, **keys: Any) -> Report:
    """Reads a model and says what it would cost; nothing is compiled.

    The arguments are those of `build` that say what is built. `out_dir`, `synth` and `steps` say how, and are for `build` alone.
    """
    if of_build := sorted({"out_dir", "synth", "steps"} & keys.keys()):
        raise TypeError(f"check builds nothing, so it takes no {' and no '.join(of_build)}: that is for build")
    with _Package(model, {"backend": backend, "golden": golden, "name": name, **keys}) as package:
        lines = package.run("check")
    layers = [line for line in lines if line["reason"] == "layer"]
    return Report(package.name, layers, next(line for line in lines if line["reason"] == "estimate"))


def build(
    model: Model,
    backend: str = "hls",
    golden: Golden | None = None,
    out_dir: str | os.PathLike[str] | None = None,
    *,
    name: str | None = None,
    synth: str = "skip",
    steps: str | Sequence[str] = (),
    **keys: Any,
) -> Firmware:
    """Builds a model: its project, and the library that `predict` calls.

    backend: "hls" (or "vitis"), "vivado", or "verilog".
    golden:  the path of a `.npz` with the arrays `x` and `y`, or a pair (x, y): events and what Keras makes of them, which the
             build is compared with.
    out_dir: where the project goes, below `python/NAME`; "firmware" in the current folder if it is not given.
    name:    what the top module is called; by default after the model or its file.
    synth, steps: whether tools run on the project, "skip", "auto" or "require", and which steps of them, one or several.
    keys:    keys of docs/manifest.md with `_` for `-`: `input="ufixed<8,1>"`, `clock_period=4`, `limits={"lut": 20000}`.
             Paths among them are relative to the current folder.
    """
    global _last
    options = {"backend": backend, "golden": golden, "name": name, **keys}
    with _Package(model, options) as package:
        folder = Path("firmware" if out_dir is None else out_dir).absolute()
        chosen = [steps] if isinstance(steps, str) else steps
        flags = [f"--synth={synth}", *([f"--steps={','.join(chosen)}"] if chosen else [])]
        lines = package.run("build", "--out-dir", os.fspath(folder), *flags)
        _last = Firmware(package, folder, lines)
    return _last


def predict(x: Any, threads: int = 0) -> np.ndarray:
    """What the firmware that was built last makes of events: see `Firmware.predict`."""
    return _built().predict(x, threads)


def verify(model: Model, x: Any) -> Comparison:
    """Compares a live Keras model, or one in a file that Keras can read, with the firmware that was built last; if that was
    built of something else, or the file has changed, the model is built first. Outputs are compared with what was built
    last. See `Firmware.verify`.
    """
    if not _is_outputs(model) and (_last is None or not _last.is_of(model)):
        build(model)
    return _built().verify(model, x)


class Firmware:
    """A model that was built."""

    def __init__(self, package: _Package, folder: Path, lines: list[dict[str, Any]]) -> None:
        of = {line["reason"]: line for line in lines}
        self.name: str = package.name
        #: The folder of the project.
        self.path = Path(of["project"]["path"])
        self.backend: str = of["project"]["backend"]
        #: The comparison of the simulation with the reference, as in docs/commands.md.
        self.self_check: dict[str, Any] = of["self-check"]
        #: What tools said, as in docs/commands.md.
        self.synthesis: dict[str, Any] | None = of.get("synthesis")
        library = of["self-check"].get("library")
        #: The shared library and its C header; None without a C++ compiler.
        self.library = Path(library) if library else None
        self.header = self.library.with_suffix(".h") if self.library else None
        self._package, self._folder = package.keep(), folder
        self._functions = _Library(self.library, self.name) if self.library else None

    def __repr__(self) -> str:
        return f"<sparsehls.Firmware {self.name}: {self.backend} in {os.fspath(self.path)!r}>"

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Dimensions of an event."""
        return self._loaded().shape("input")

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Dimensions of a result."""
        return self._loaded().shape("output")

    @property
    def input_format(self) -> Format:
        """The format of the inputs."""
        return self._loaded().format("input")

    @property
    def output_format(self) -> Format:
        """The format of the results."""
        return self._loaded().format("output")

    @property
    def tolerance(self) -> float:
        """How far a result may be from Keras: 0 unless the network ends in a float function."""
        return self._loaded().tolerance()

    def is_of(self, model: Model) -> bool:
        """Whether it was built of this live model, or of a file with this content."""
        if not _is_path(model):
            return self._package.given is model
        path = Path(os.fspath(model))
        return path.is_file() and self._package.digest == _digest(path)

    def predict(self, x: Any, threads: int = 0) -> np.ndarray:
        """The results of many events, or of one, as float32: the bits that the FPGA gives.

        Values are taken as float32, and come to the input grid as in `cargo sparsehls predict`; a `Note` counts those that
        change. The events are computed in `threads` threads, 0 for one for each core.
        """
        x, single = self._events(x, np.float32)
        if changes := self._off_grid(x):
            _note(f"{changes} [input-off-grid]")
        y = self._results(x, threads)
        return y[0] if single else y

    def predict_mantissas(self, x: Any, threads: int = 0) -> np.ndarray:
        """The same for mantissas, integers of 64 bits. Only the lowest bits of an input count, as many as its format has."""
        x, single = self._events(x, np.int64)
        y = np.empty((len(x), *self.output_shape), dtype=np.int64)
        self._loaded().compute("predict_mantissas", x, y, threads)
        return y[0] if single else y

    def verify(self, model_or_y: Any, x: Any) -> Comparison:
        """Compares the firmware with Keras on events: with a live model, the model in a `.keras` file, or its outputs.

        A difference is an `Error` with the code `outputs-differ`, whose `comparison` has the numbers.
        """
        x, single = self._events(x, np.float32)
        y = _outputs(model_or_y, x)
        if single and y.shape == self.output_shape:
            y = y[None]
        with tempfile.TemporaryDirectory(prefix="sparsehls-") as folder:
            # Another build may have the folder of the project by now, and it stays as it is.
            flags = ["--out-dir", os.fspath(self._package.workshop(self._folder)), "--golden", _golden((x, y), Path(folder))]
            try:
                lines = self._package.run("verify", *flags)
            except Error as error:
                error.comparison = next((_comparison(line) for line in self._package.said if line["reason"] == "verify"), None)
                raise
        found = next(_comparison(line) for line in lines if line["reason"] == "verify")
        # The command has compared its simulation; the library has to be as far from Keras.
        self._compare_library(x, y, found)
        return found

    def _compare_library(self, x: np.ndarray, y: np.ndarray, found: Comparison) -> None:
        """An error unless the library differs from Keras in what the simulation does."""
        with np.errstate(invalid="ignore"):
            far = np.abs(self._results(x).reshape(len(x), -1).astype(float) - y.reshape(len(x), -1).astype(float))
        different = int((~(far <= found.tolerance)).any(axis=1).sum())
        if different != found.within_float32 or np.fmax.reduce(far, axis=None, initial=0) != found.max_abs_difference:
            raise Error(f"{self.name}: the library differs from the simulation", help="please report it with the model")

    def _results(self, x: np.ndarray, threads: int = 0) -> np.ndarray:
        """What the library makes of float32 values."""
        y = np.empty((len(x), *self.output_shape), dtype=np.float32)
        self._loaded().compute("predict", x, y, threads)
        return y

    def _off_grid(self, x: np.ndarray) -> str:
        """What the input grid changes of float32 values, in the words of the command; nothing if it takes all as they are."""
        grid, values = self.input_format, x.reshape(-1)
        low, end = (-(2.0 ** (grid.width - 1)) if grid.signed else 0.0), 2.0 ** (grid.width - grid.signed)
        counts = np.zeros(3, dtype=int)
        for start in range(0, values.size, 1 << 16):
            part = values[start : start + (1 << 16)].astype(float)
            # As Keras, the library takes subnormal numbers as 0.
            part[np.abs(part) < np.finfo(np.float32).tiny] = 0
            part *= 2.0**grid.fraction
            finite = np.isfinite(part)
            between, outside = finite & (np.floor(part) != part), finite & ((part < low) | (part >= end))
            counts += [np.count_nonzero(which) for which in (between, outside, ~finite)]
        is_given = self._package.options.get("input") is not None
        cut = f"are not on the input grid, {grid}; they {'were truncated' if is_given else 'keep what the first quantizer keeps'}"
        said = (cut, f"are out of range of {grid} and were wrapped or saturated", "are NaN or infinite and were taken as 0")
        return "; ".join(f"{count} of {values.size} input values {what}" for count, what in zip(counts, said) if count)

    def _loaded(self) -> _Library:
        if self._functions is None:
            help = "install a C++ compiler (`apt install g++`), and build again"
            raise Error(f"{self.name} was built without a C++ compiler, so there is no library to call", "no-compiler", help)
        return self._functions

    def _events(self, x: Any, dtype: Any) -> tuple[np.ndarray, bool]:
        """Whole events as the library takes them, and whether only one was given."""
        x = np.asarray(x)
        kinds, what = ("iu", "mantissas are integers") if dtype is np.int64 else ("fiub", "events are real numbers")
        if x.dtype.kind not in kinds:
            raise TypeError(f"{what}, and these are {x.dtype}")
        shape = self.input_shape
        if x.shape[-len(shape) :] != shape or not 0 <= x.ndim - len(shape) <= 1:
            raise ValueError(f"an event has the shape {shape}, and many of them (n, *{shape}); this array has {x.shape}")
        with np.errstate(over="ignore"):
            return np.ascontiguousarray(x, dtype=dtype).reshape(-1, *shape), x.shape == shape


_last: Firmware | None = None


def _built() -> Firmware:
    if _last is None:
        raise RuntimeError("nothing has been built yet: call sparsehls.build(model) first")
    return _last


def _is_path(model: Any) -> TypeGuard[str | os.PathLike[str]]:
    return isinstance(model, (str, os.PathLike))


def _is_outputs(model_or_y: Any) -> bool:
    """Whether it is outputs, or their file, and no model."""
    if _is_path(model_or_y):
        return Path(os.fspath(model_or_y)).suffix in (".npy", ".npz")
    return hasattr(model_or_y, "__array__") or isinstance(model_or_y, (list, tuple))


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _note(text: str) -> None:
    """A warning about the line that called this module."""
    frame, level = sys._getframe(), 1
    here = frame.f_code.co_filename
    while frame.f_back is not None and frame.f_code.co_filename == here:
        frame, level = frame.f_back, level + 1
    warnings.warn(Note(text), stacklevel=level)


def _outputs(model_or_y: Any, x: np.ndarray) -> np.ndarray:
    """What Keras makes of the events, unless it is given."""
    if _is_path(model_or_y):
        model_or_y = _load(Path(os.fspath(model_or_y)))
    if hasattr(model_or_y, "predict"):
        model_or_y = model_or_y.predict(x, verbose=0)
    y = np.asarray(model_or_y)
    if y.dtype.kind not in "fiub":
        raise TypeError(f"outputs are real numbers, and these are {y.dtype}")
    return y


def _load(path: Path) -> Any:
    """The outputs in an array's file, or else the model in a file."""
    if path.suffix == ".npy":
        return np.load(path)
    if path.suffix == ".npz":
        return np.load(path)["y"]
    import keras

    classes: dict[str, Any] = {}
    for module in ("hgq.layers", "sparsepixels.layers"):
        try:
            names = vars(importlib.import_module(module))
        except ImportError:
            continue
        classes.update((name, found) for name, found in names.items() if isinstance(found, type))
    try:
        return keras.saving.load_model(path, custom_objects=classes, compile=False)
    except Exception as error:
        why = "sparsepixels cannot read its own layers; give the live model, or an array of what its `predict` gives"
        raise ValueError(f"Keras cannot read {os.fspath(path)!r} back: {why}") from error


def _comparison(line: Mapping[str, Any]) -> Comparison:
    names = ("events", "events-different", "within-float32", "max-abs-difference", "tolerance")
    return Comparison(*(line[name] for name in names))


class _Format(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int32) for name in ("is_signed", "width", "fraction")]


class _Library:
    """The functions of a model's library."""

    def __init__(self, path: Path, name: str) -> None:
        # Of another build with the path of one that is loaded the system would load nothing. So each is a copy, which is
        # needed no longer once it is loaded. It lies beside the library, where programs have run already.
        try:
            with tempfile.NamedTemporaryFile(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent) as copy:
                shutil.copyfile(path, copy.name)
                self._library = ctypes.CDLL(copy.name)
        except OSError as error:
            help = "give an out_dir that can be written to, and that is not mounted `noexec`"
            raise Error(f"the library cannot be loaded: {error}", "io", help, file=os.fspath(path)) from error
        self._name = name
        abi = self._call("abi_version", ctypes.c_uint32)
        if abi != _ABI:
            raise Error(f"{path} has version {abi} of the functions, and this module calls version {_ABI}", help="build it again")

    def _call(self, function: str, result: Any, *arguments: Any) -> Any:
        call = self._library[f"{self._name}_{function}"]
        call.restype = result
        return call(*arguments)

    def shape(self, of: str) -> tuple[int, ...]:
        rank = self._call(f"{of}_rank", ctypes.c_uint32)
        return tuple(self._call(f"{of}_shape", ctypes.POINTER(ctypes.c_uint64))[:rank])

    def format(self, of: str) -> Format:
        found = self._call(f"{of}_format", ctypes.POINTER(_Format)).contents
        return Format(bool(found.is_signed), found.width, found.fraction)

    def tolerance(self) -> float:
        return self._call("tolerance", ctypes.c_double)

    def compute(self, function: str, x: np.ndarray, y: np.ndarray, threads: int) -> None:
        if not 0 <= threads < 1 << 32:
            raise ValueError(f"threads is {threads}; use 0 for one for each core")
        arrays = (ctypes.c_void_p(x.ctypes.data), ctypes.c_void_p(y.ctypes.data))
        status = self._call(function, ctypes.c_int32, *arrays, ctypes.c_uint64(len(x)), ctypes.c_uint32(threads))
        if status != 0:
            raise MemoryError(f"{self._name}_{function} says {status}: there is no memory for {len(x)} events")


@dataclass
class _Package:
    """A private firmware package of one model, and the command that works on it."""

    model: Model
    options: dict[str, Any]
    #: The lines of the last run.
    said: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        given = self.options.pop("name", None)
        self.given: Any = Path(os.fspath(self.model)).absolute() if _is_path(self.model) else self.model
        #: The SHA-256 of the file, as it was when it was read.
        self.digest: str | None = None
        if isinstance(self.model, type) or not (_is_path(self.model) or callable(getattr(self.model, "save", None))):
            raise TypeError(f"a model is a Keras model or the path of a .keras file, not {self.model!r:.80}")
        if "source" in self.options:
            raise TypeError("`source` is the model, which is given already")
        of = self.given.stem if isinstance(self.given, Path) else getattr(self.given, "name", "model")
        self.name = str(given) if given is not None else _identifier(str(of))
        self._may_rename = given is None
        self._folder = Path(tempfile.mkdtemp(prefix="sparsehls-")).resolve()
        self._remove = weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._is_kept = False
        self._workshop: Path | None = None

    def __enter__(self) -> _Package:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._is_kept:
            self._remove()

    def keep(self) -> _Package:
        """The same, whose folder goes when it does."""
        self._is_kept = True
        return self

    def run(self, command: str, *flags: str) -> list[dict[str, Any]]:
        """Runs a command on the model; gives the lines that it says for programs."""
        folder = self._folder
        if not (folder / "Cargo.toml").exists():
            self._write(folder)
        try:
            return self._ask(folder, command, *flags)
        except Error as error:
            is_of_name = error.key is not None and error.key.endswith(f".models.{self.name}")
            if not (error.code == "invalid-value" and is_of_name and self._may_rename):
                raise
        # A word of C++ or Verilog, which nobody has chosen as a name.
        self.name, self._may_rename = f"{self.name}_model", False
        self._write(folder)
        return self._ask(folder, command, *flags)

    def _write(self, folder: Path) -> None:
        keys = _dashed({key: value for key, value in self.options.items() if value is not None})
        if keys.get("backend") == "hls":
            del keys["backend"]
        if "golden" in keys:
            keys["golden"] = _golden(keys["golden"], folder)
        if isinstance(keys.get("tcl"), (list, tuple)) and all(map(_is_path, keys["tcl"])):
            keys["tcl"] = list(map(os.path.abspath, keys["tcl"]))
        if "limits" in keys:
            keys["limits"] = _dashed(keys["limits"])
        if isinstance(keys.get("layers"), Mapping):
            keys["layers"] = {layer: _dashed(own) for layer, own in keys["layers"].items()}
        model = {**keys, "source": os.fspath(self._source(folder / "model.keras"))}
        tables = {"package": {"name": _PACKAGE, "metadata": {"sparsehls": {"models": {self.name: model}}}}, "workspace": {}}
        text = "".join(f"{_toml(key)} = {_toml(value)}\n" for key, value in tables.items())
        (folder / "Cargo.toml").write_text(text, encoding="utf-8")

    def _source(self, copy: Path) -> Path:
        """The model as it is now: a file may be saved again under its path."""
        if copy.exists():
            return copy
        if not isinstance(self.given, Path):
            self.given.save(copy)
        elif self.given.is_file() and os.access(self.given, os.R_OK):
            shutil.copyfile(self.given, copy)
            self.digest = _digest(copy)
        else:
            # The command says what is wrong with it.
            return self.given
        return copy

    def workshop(self, project: Path) -> Path:
        """A private folder for what is compiled: beside the project if nothing may run where temporary files are."""
        if self._workshop is None:
            self._workshop = self._folder / "verify"
            if os.statvfs(self._folder).f_flag & getattr(os, "ST_NOEXEC", 0):
                self._workshop = Path(tempfile.mkdtemp(prefix=".verify-", dir=project))
                weakref.finalize(self, shutil.rmtree, self._workshop, ignore_errors=True)
        return self._workshop

    def _ask(self, folder: Path, command: str, *flags: str) -> list[dict[str, Any]]:
        words = [_command(), "sparsehls", command, *flags, "--manifest-path", os.fspath(folder / "Cargo.toml")]
        # The package stands alone, so it does not matter whether there is a cargo, or which.
        environment = {**os.environ, "CARGO": os.fspath(folder / "cargo"), "CARGO_TERM_QUIET": "false"}
        status, stdout, stderr = _communicate([*words, "--message-format", "json", "--color", "never"], environment)
        # The last line has no end if the command was killed.
        self.said = [json.loads(line) for line in stdout.split("\n")[:-1] if line.startswith("{")]
        errors = [self._error(line) for line in self.said if line["reason"] == "error"]
        if not errors and (status != 0 or not self.said or not self.said[-1].get("success")):
            errors = [_ended(command, status, stderr)]
        # The filters may make an error of a note, which does not hide what is wrong.
        try:
            for note in filter(None, map(_NOTE.match, stderr.splitlines())):
                _note(" ".join(note.groups()))
        finally:
            if errors:
                errors[0].errors = errors
                raise errors[0]
        return self.said

    def _error(self, line: Mapping[str, Any]) -> Error:
        """An error, in which nothing is said of files that only this module knows."""
        file, help = line["file"], line["help"]
        if file and self._folder in Path(file).parents:
            file = os.fspath(self.given) if self.digest and Path(file).name == "model.keras" else None
        if help and "relative to" in help and "Cargo.toml" in help:
            help = "check the path"
        return Error(line["message"], line["code"], help, file=file, key=line["key"], layer=line["layer"])


def _communicate(words: list[str], environment: dict[str, str]) -> tuple[int, str, str]:
    """How a command ends, and what it says. Who interrupts the cell ends it in order, with all that it has started."""
    none, pipe = subprocess.DEVNULL, subprocess.PIPE
    try:
        started = subprocess.Popen(
            words, env=environment, encoding="utf-8", errors="replace", stdin=none, stdout=pipe, stderr=pipe
        )
    except OSError as error:
        raise Error(f"the command cannot be run: {error}", "tool-missing", "install the wheel again", file=words[0]) from error
    with started as process:
        try:
            stdout, stderr = process.communicate()
            return process.returncode, stdout, stderr
        except BaseException:
            process.send_signal(signal.SIGTERM)
            process.communicate()
            raise


def _ended(command: str, status: int, stderr: str) -> Error:
    """A command that ended without saying for programs what is wrong."""
    first, *more = stderr.strip().splitlines() or ["it said nothing"]
    help = "\n".join(line.strip() for line in more if line.strip() and "--help" not in line) or None
    if status == 2:
        return Error(first.removeprefix("error: "), "invalid-choice", help)
    how = f"exit code {status}" if status >= 0 else f"signal {-status} ({signal.strsignal(-status)})"
    code = "interrupted" if -status in (signal.SIGHUP, signal.SIGINT, signal.SIGKILL, signal.SIGTERM) else "internal"
    return Error(f"cargo-sparsehls {command} ended with {how}: {first}", code, help)


def _command() -> str:
    """The command of this wheel, or else the one on PATH; the variable SPARSEHLS_TOOL comes before both."""
    if chosen := os.environ.get("SPARSEHLS_TOOL"):
        if not os.path.isfile(chosen):
            raise Error("SPARSEHLS_TOOL names no file", "tool-missing", "set it to a cargo-sparsehls, or unset it", file=chosen)
        return os.path.abspath(chosen)
    name = "cargo-sparsehls" + (".exe" if sys.platform == "win32" else "")
    schemes = [sysconfig.get_path("scripts"), sysconfig.get_path("scripts", f"{os.name}_user")]
    # Where `pip install --target` puts it.
    schemes.append(os.fspath(Path(__file__).parent.parent / "bin"))
    for path in [*(os.path.join(scheme, name) for scheme in schemes), shutil.which(name)]:
        if path and os.path.isfile(path):
            return path
    raise Error("the command cargo-sparsehls is not found", "tool-missing", "install the wheel again: `pip install sparsehls`")


def _golden(golden: Golden, folder: Path) -> str:
    """The path of a golden file, which is written if arrays are given."""
    if isinstance(golden, (str, os.PathLike)):
        return os.fspath(Path(os.fspath(golden)).absolute())
    x, y = map(np.asarray, golden)
    # The command reads no longer floats.
    x, y = (array.astype(float) if array.dtype.kind == "f" and array.dtype.itemsize > 8 else array for array in (x, y))
    np.savez(folder / "golden.npz", x=x, y=y)
    return os.fspath(folder / "golden.npz")


def _identifier(name: str) -> str:
    """The nearest name that a model may have."""
    plain = re.sub(r"[^a-z0-9]+", "_", name[:48].lower()).strip("_")
    return plain if re.match(r"[a-z]", plain) else f"model_{plain}".rstrip("_")


def _dashed(table: Any) -> Any:
    """A table of keys as a manifest has them."""
    return {str(key).replace("_", "-"): value for key, value in table.items()} if isinstance(table, Mapping) else table


def _toml(value: Any) -> str:
    """A value as TOML. What comes from elsewhere, paths and names, is text and nothing else."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_toml(str(key))} = {_toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (int, np.integer)):
        if not -(1 << 63) <= int(value) < 1 << 63:
            raise Error(f"{value} needs more than 64 bits, which no key takes", "invalid-value")
        return str(int(value))
    if isinstance(value, (float, np.floating)):
        return repr(float(value))
    if isinstance(value, (str, os.PathLike)):
        text = os.fsdecode(value)
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise ValueError(f"{text!r} is no Unicode, and cannot stand in a manifest") from None
        # JSON escapes all that TOML does, but for one character.
        return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray, memoryview)):
        return "[" + ", ".join(map(_toml, value)) + "]"
    raise TypeError(f"a value of a manifest is text, a number, a list or a dictionary, not {type(value).__name__}")
