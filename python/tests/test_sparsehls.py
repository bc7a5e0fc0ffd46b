"""The installed wheel against real Keras: `python -m unittest discover python/tests`, with sparsepixels and HGQ2."""

import os
import re
import shutil
import tempfile
import unittest
import warnings
from pathlib import Path
from unittest import mock

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import sparsehls
from hgq.config import QuantizerConfigScope
from hgq.layers import QDense
from sparsepixels.layers import AveragePooling2DSparse, InputReduce, QConv2DSparse

REPOSITORY = Path(__file__).resolve().parents[2]
EXAMPLES = REPOSITORY / "example-firmware/models"
GRID = "ufixed<4,0>"


def network(seed, name="sparse"):
    """A network as the guide has it, with weights that are random."""
    keras.utils.set_random_seed(seed)
    with (
        QuantizerConfigScope(place="weight", b0=5, i0=1),
        QuantizerConfigScope(place="bias", b0=5, i0=1),
        QuantizerConfigScope(place="datalane", i0=3, f0=4),
    ):
        image = keras.Input((8, 8, 1), name="image")
        s, mask = InputReduce(n=12, threshold=0.1, learn_threshold=False, name="reduce")(image)
        s = QConv2DSparse(3, 3, padding="same", activation="relu", name="conv")([s, mask])
        s, mask = AveragePooling2DSparse(4, name="pool")([s, mask])
        s = keras.layers.Flatten(name="flatten")(s)
        return keras.Model(image, QDense(2, name="score")(s), name=name)


def events(count, seed=1):
    """Images on the grid."""
    rng = np.random.default_rng(seed)
    return (np.where(rng.random((count, 8, 8, 1)) < 0.15, rng.integers(1, 16, (count, 8, 8, 1)), 0) / 16).astype(np.float32)


class Session(unittest.TestCase):
    """Each test is a session in a folder of its own, where notes would be seen."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(folder.name)
        seen = warnings.catch_warnings()
        seen.__enter__()
        self.addCleanup(seen.__exit__, None, None, None)
        warnings.simplefilter("error", sparsehls.Note)
        sparsehls._last = None

    def refused(self, code, call, *arguments, **options):
        with self.assertRaises(sparsehls.Error) as refused:
            call(*arguments, **options)
        self.assertEqual(refused.exception.code, code)
        self.assertIn(refused.exception.message, str(refused.exception))
        return refused.exception


class LiveModels(Session):
    def test_every_backend_gives_the_bits_of_keras(self):
        x = events(300)
        for seed, backend in enumerate(("hls", "vivado", "verilog")):
            with self.subTest(backend):
                model = network(seed)
                y = model.predict(x, verbose=0)
                self.assertGreater(len(np.unique(y)), 10)
                report = sparsehls.check(model, backend=backend, input=GRID)
                self.assertEqual((report.name, report.layers[0]["kind"]), ("sparse", "sparse-input-reduce"))
                self.assertGreater(report.estimate["luts"], 0)
                firmware = sparsehls.build(model, backend, golden=(x[:50], y[:50]), input=GRID, interval=4)
                self.assertEqual(firmware.backend, {"hls": "vitis"}.get(backend, backend))
                self.assertEqual((firmware.input_shape, firmware.output_shape), ((8, 8, 1), (2,)))
                self.assertEqual((str(firmware.input_format), firmware.input_format.step, firmware.tolerance), (GRID, 1 / 16, 0))
                self.assertTrue(firmware.library.is_file() and firmware.header.is_file())
                self.assertEqual(firmware.path, Path("firmware/python/sparse").absolute())
                for threads in (0, 1, 3):
                    np.testing.assert_array_equal(firmware.predict(x, threads), y)
                np.testing.assert_array_equal(firmware.predict(x.astype(float)[7]), y[7])
                np.testing.assert_array_equal(sparsehls.predict(x[::2]), y[::2])
                mantissas = firmware.predict_mantissas((x * 16).astype(int))
                np.testing.assert_array_equal(mantissas * firmware.output_format.step, y)
                self.assertEqual(firmware.predict(x[:0]).shape, (0, 2))
                self.assertEqual(firmware.verify(model, x), sparsehls.Comparison(300, 0, 0, 0.0, 0.0))
                self.assertEqual(firmware.verify(y, x).events_different, 0)
                for kind in (np.float16, np.float64, np.longdouble):
                    self.assertEqual(firmware.verify(y[0].astype(kind), x[0].astype(kind)).events, 1)
                self.assertEqual(sparsehls.verify(y.tolist(), x).events, 300)

    def test_a_model_that_is_trained_again_is_another_firmware(self):
        x, first, second = events(100), network(1), network(2)
        old = sparsehls.build(first, input=GRID)
        # Nothing was built of it, so it is; and that replaces what lies in the folder.
        self.assertEqual(sparsehls.verify(second, x).events_different, 0)
        new = sparsehls._last
        self.assertEqual(old.library, new.library)
        np.testing.assert_array_equal(new.predict(x), second.predict(x, verbose=0))
        np.testing.assert_array_equal(old.predict(x), first.predict(x, verbose=0))
        # Weights that change under the firmware are noticed.
        second.set_weights(first.get_weights())
        error = self.refused("outputs-differ", sparsehls.verify, second, x)
        self.assertGreater(error.comparison.events_different, 0)
        self.assertIn("of 100 events", error.message)

    def test_a_file_is_a_model_too(self):
        x = events(100)
        model = network(3)
        path = Path('it\'s "mine" [a]\n= 1 ünï.keras')
        model.save("plain.keras")
        shutil.move("plain.keras", path)
        firmware = sparsehls.build(path, input=GRID, out_dir="out 'put'")
        self.assertEqual(firmware.name, "it_s_mine_a_1_n")
        self.assertEqual(firmware.path, Path("out 'put'/python", firmware.name).absolute())
        with self.assertRaisesRegex(ValueError, "give the live model"):
            sparsehls.verify(str(path), x)
        self.assertIs(sparsehls._last, firmware)
        np.savez("golden.npz", x=x, y=model.predict(x, verbose=0))
        self.assertEqual(firmware.verify("golden.npz", x).events_different, 0)

        # Of layers that Keras can read back.
        path = REPOSITORY / "build-support/tests/fixtures/dense-only.keras"
        x = np.load(path.with_suffix(".npz"))["x"]
        self.assertEqual(sparsehls.verify(path, x).events, len(x))

    def test_verify_leaves_the_project_alone(self):
        x, first, second = events(100), network(1), network(2)
        old = sparsehls.build(first, input=GRID, name="net")
        new = sparsehls.build(second, input=GRID, name="net")
        self.assertEqual(old.path, new.path)
        files = lambda: {path: path.read_bytes() for path in Path("firmware").rglob("*") if path.is_file()}
        before = files()
        self.assertIn(Path("firmware/python/net/lib/libnet.so"), before)
        self.assertEqual(old.verify(first, x).events_different, 0)
        self.refused("outputs-differ", old.verify, second, x)
        self.assertEqual(files(), before)
        # The simulation is compared, and the library too.
        calls = sparsehls._Library.compute

        def broken(library, function, x, y, threads):
            calls(library, function, x, y, threads)
            y[-1] += 1

        with mock.patch.object(sparsehls._Library, "compute", broken):
            self.assertIn("library differs", self.refused("internal", old.verify, first, x).message)

    def test_a_file_that_is_saved_again_is_another_model(self):
        fixture = REPOSITORY / "build-support/tests/fixtures/dense-only.keras"
        x = np.load(fixture.with_suffix(".npz"))["x"]
        shutil.copy(fixture, "dense.keras")
        old = sparsehls.build("dense.keras")
        y = old.predict(x)
        model = sparsehls._load(fixture)
        for layer in model.layers:
            if hasattr(layer, "kernel"):
                layer.kernel.assign(-layer.kernel)
        self.assertTrue(old.is_of("dense.keras") and old.is_of(fixture))
        model.save("dense.keras")
        self.assertFalse(old.is_of("dense.keras") or old.is_of("not-there.keras"))
        # What was built stays what it was.
        self.assertEqual(old.verify(y, x).events_different, 0)
        self.refused("outputs-differ", old.verify, "dense.keras", x)
        self.assertEqual(sparsehls.verify("dense.keras", x).events_different, 0)
        self.assertTrue(sparsehls._last.is_of("dense.keras"))
        self.assertFalse(np.array_equal(sparsehls.predict(x), y))

    def test_names_that_are_words_of_a_language(self):
        firmware = sparsehls.build(network(4, "module"), input=GRID)
        self.assertEqual(firmware.name, "module_model")
        self.assertEqual(firmware.predict(events(2)).shape, (2, 2))
        self.refused("invalid-value", sparsehls.build, network(4), input=GRID, name="module")


class Examples(Session):
    def test_the_examples_give_what_keras_computed(self):
        for name, input, interval in (("tracks", "ufixed<8,1>", 5), ("digits", "ufixed<5,1>", 40)):
            golden = np.load(EXAMPLES / f"{name}.golden.npz")
            options = {"golden": EXAMPLES / f"{name}.golden.npz", "input": input, "interval": interval}
            firmware = sparsehls.build(EXAMPLES / f"{name}.keras", **options)
            np.testing.assert_array_equal(firmware.predict(golden["x"]), golden["y"])

    def test_the_guide_says_what_happens(self):
        text = (REPOSITORY / "docs/python.md").read_text()
        blocks = [block for block in re.findall(r"```python\n(.*?)```", text, re.S) if "import ctypes" not in block]
        self.assertGreaterEqual(len(blocks), 2)
        # What the page does not say is said here: the network and its events.
        names = {"model": network(5), "x": events(60), "np": np}
        names["y"] = names["model"].predict(names["x"], verbose=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", sparsehls.Note)
            for block in blocks:
                exec(block, names)


class BadInputs(Session):
    def test_models_that_are_none(self):
        error = self.refused("file-not-found", sparsehls.check, "not-there.keras")
        self.assertTrue(error.file.endswith("not-there.keras") and error.help)
        Path("broken.keras").write_text("no archive")
        self.refused("not-a-keras-file", sparsehls.build, "broken.keras")
        for model in (None, 3, np.zeros(3), keras.Model):
            self.assertRaisesRegex(TypeError, "^a model is a Keras model or the path", sparsehls.check, model)
        self.assertRaises(ValueError, sparsehls.check, "lone \udcff surrogate.keras")

    def test_options_that_are_none(self):
        model = network(6)
        self.refused("unknown-key", sparsehls.check, model, intervall=3)
        self.refused("invalid-value", sparsehls.check, model, backend="vhdl")
        self.refused("invalid-value", sparsehls.check, model, input='"]\n[package.metadata')
        self.refused("invalid-value", sparsehls.check, model, name='net"]\n[package.metadata')
        for value in (object(), b"1", memoryview(b"1")):
            self.assertRaises(TypeError, sparsehls.check, model, limits={"lut": value})
        self.refused("invalid-value", sparsehls.check, model, interval=1 << 63)
        for key in ("out_dir", "steps", "synth", "source"):
            self.assertRaisesRegex(TypeError, key, sparsehls.check, model, **{key: "auto"})
        # The manifest is nothing that anybody has written.
        error = self.refused("invalid-value", sparsehls.check, model, layers={"conv": {"slots_per_cycle": 0}})
        self.assertTrue(error.file is None and error.key.endswith(".layers.conv.slots-per-cycle"))
        error = self.refused("file-not-found", sparsehls.check, "not-there.keras")
        self.assertNotIn("Cargo.toml", str(error))
        error = self.refused("invalid-choice", sparsehls.build, model, steps="sing")
        self.assertRegex(error.message, "invalid value 'sing' for '--steps")
        error = self.refused("limit-exceeded", sparsehls.build, model, input=GRID, limits={"lut": 1, "latency_cycles": 1}, limits_on="estimate")
        self.assertRegex(error.message, "(?s)latency.*lut|lut.*latency")

    def test_events_that_are_none(self):
        self.assertRaises(RuntimeError, sparsehls.predict, events(1))
        firmware = sparsehls.build(network(7), input=GRID)
        for x in (np.zeros((3, 8, 8)), np.zeros((8, 8, 2)), np.zeros(64), 0.5, []):
            self.assertRaisesRegex(ValueError, "shape", firmware.predict, x)
        for x in (events(2).astype(complex), events(2).astype(str), events(2).astype(object)):
            self.assertRaises(TypeError, firmware.predict, x)
        self.assertRaises(TypeError, firmware.predict_mantissas, events(2))
        self.assertRaises(ValueError, firmware.predict, events(2), threads=-1)
        hard, zero = events(1), events(1)
        hard[0, :4, 0, 0], zero[0, :4, 0, 0] = (np.nan, np.inf, -np.inf, 1e-42), 0
        with self.assertWarnsRegex(sparsehls.Note, "input-off-grid"):
            found = firmware.predict(hard)
        np.testing.assert_array_equal(found, firmware.predict(zero))

    def test_notes_are_warnings(self):
        model, x = network(8), events(20) + np.float32(0.01)
        firmware = sparsehls.build(model, input=GRID)
        with self.assertWarnsRegex(sparsehls.Note, "not on the input grid.*input-off-grid"), self.assertRaises(sparsehls.Error):
            # Other numbers than Keras computed with.
            y = model.predict(x, verbose=0)
            firmware.verify(y, x)
            firmware.verify(y + 1, x)

    def test_values_off_the_grid_are_counted_as_by_the_command(self):
        x = events(40)
        x[3, 0, :5, 0], x[4, 1, :3, 0], x[5, 0, 0, 0], x[6, 0, :2, 0] = 0.03, (1.0, -0.5, 1e30), np.nan, (1e-42, 1.51)
        for options in ({}, {"input": GRID}):
            firmware = sparsehls.build(network(8), **options)
            with warnings.catch_warnings(record=True) as seen:
                warnings.simplefilter("always", sparsehls.Note)
                y = firmware.predict(x)
                firmware.predict_mantissas(np.zeros((2, 8, 8, 1), int))
                sparsehls.predict(x)
                firmware.verify(y, x)
            self.assertEqual({note.filename for note in seen}, {__file__})
            counted = lambda notes: re.findall(r"\d+ of 2560 input values are [a-z]+", " ".join(str(note.message) for note in notes))
            # Of `predict` there is one note each time, and of the command one for each thing that happened.
            self.assertGreaterEqual(len(counted(seen[:1])), 2)
            self.assertEqual(counted(seen[:1]), counted(seen[1:2]))
            self.assertEqual(counted(seen[:1]), counted(seen[2:]))
            self.assertTrue(all("[input-off-grid]" in str(note.message) for note in seen[:2]))

    def test_without_a_compiler(self):
        with mock.patch.dict(os.environ, CXX="no-such-compiler"):
            self.refused("no-compiler", sparsehls.build, network(9), input=GRID)
            with self.assertWarnsRegex(sparsehls.Note, "no-library"):
                firmware = sparsehls.build(network(9), "verilog", input=GRID)
        self.assertIsNone(firmware.library)
        self.refused("no-compiler", firmware.predict, events(1))

    def test_without_the_command(self):
        without = {name: value for name, value in os.environ.items() if name != "SPARSEHLS_TOOL"}
        with mock.patch("os.path.isfile", return_value=False), mock.patch.dict(os.environ, without, clear=True):
            self.refused("tool-missing", sparsehls.check, network(10))
        Path("text").write_text("no program")
        for path, message in (("not-there", "SPARSEHLS_TOOL names no file"), ("text", "cannot be run")):
            with mock.patch.dict(os.environ, SPARSEHLS_TOOL=path):
                self.assertIn(message, self.refused("tool-missing", sparsehls.check, network(10)).message)

    def test_a_command_that_is_killed(self):
        tool = Path("tool")
        tool.touch(0o755)
        for script, code, message in (
            ("printf '{\"reason\":\"mod'; echo no memory >&2; kill -9 $$", "interrupted", "signal 9 .*: no memory$"),
            ("kill -11 $$", "internal", "signal 11 "),
            ("echo '{\"reason\":\"layer\"}'; echo thread panicked >&2; exit 101", "internal", "exit code 101: thread panicked$"),
            # A note that the filters make an error does not hide it.
            ("echo no disk >&2; echo 'Note of it [no-library]' >&2; exit 1", "internal", "exit code 1: no disk$"),
            ("exit 0", "internal", "exit code 0"),
        ):
            with self.subTest(script), mock.patch.dict(os.environ, SPARSEHLS_TOOL="tool"):
                tool.write_text(f"#!/bin/sh\n{script}\n")
                self.assertRegex(self.refused(code, sparsehls.check, EXAMPLES / "tracks.keras").message, message)


if __name__ == "__main__":
    unittest.main()
