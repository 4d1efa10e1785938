"""The process that llama.cpp runs in: lines of JSON in, lines of JSON out, until the input ends.

Run as a script with the standard library and `xllamacpp` alone; `llamacpp.py` starts it and says the words:

    in    {"model": "/…/x.gguf", "slots": 2, "window": 1344}        first, once
    out   {"ready": true}  or  {"error": "…"}
    in    {"id": 7, "complete": {body of /completions}}
    out   {"id": 7, "chunk": {…}} …  {"id": 7, "done": true}
    in    {"id": 8, "grammar": {a JSON Schema}}
    out   {"id": 8, "chunk": {"grammar": "…"}}  {"id": 8, "done": true}
    in    {"stop": 7}
"""

import importlib
import json
import os
import secrets
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

Line = dict[str, Any]
Say = Callable[[Line], None]


def main() -> None:
    """Serve until standard input ends, which it also does when the parent process is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which may still want an answer
    if hasattr(os, "nice"):
        os.nice(5)  # a web page goes before a token
    say = _mouth()
    try:
        engine = importlib.import_module("xllamacpp")
        server = _load(engine, json.loads(sys.stdin.readline()))
    except (ImportError, RuntimeError, ValueError, OSError) as error:
        return say({"error": str(error)})
    say({"ready": True})
    stops: dict[int, threading.Event] = {}
    for line in sys.stdin:
        asked = json.loads(line)
        if "stop" in asked:
            if stop := stops.get(asked["stop"]):
                stop.set()
            continue
        stops[asked["id"]] = threading.Event()
        threading.Thread(target=_answer, args=(engine, server, asked, stops, say), daemon=True).start()
    # Not by returning: the engine's destructor can wait for ever for its own HTTP thread.
    os._exit(0)


def _mouth() -> Say:
    """Writes lines to what was standard output; whatever the engine prints goes to standard error."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    lock = threading.Lock()

    def say(line: Line) -> None:
        with lock:
            out.write(json.dumps(line) + "\n")
            out.flush()

    return say


def _load(engine: Any, wanted: Line) -> Any:
    params = engine.CommonParams()
    params.model.path = wanted["model"]
    params.n_ctx = wanted["slots"] * wanted["window"]
    params.n_parallel = wanted["slots"]
    params.n_batch = 256  # how much of a prompt is read before a stop is noticed
    # Half the cores: its threads wait for each other in a busy loop, so that on cores that others use, too, all of
    # them together were measured to be ten times slower than one alone.
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = max(1, min((os.cpu_count() or 1) // 2, 8))
    params.verbosity = -1
    # The engine opens an HTTP port, asked or not; behind a random key it is nobody's.
    params.api_keys = [secrets.token_hex(32)]
    params.ui = params.endpoint_slots = params.endpoint_props = False
    return engine.Server(params)


def _answer(engine: Any, server: Any, asked: Line, stops: dict[int, threading.Event], say: Say) -> None:
    number = asked["id"]

    def chunk(part: Any) -> bool:
        say({"id": number, "chunk": part})
        return stops[number].is_set()  # True stops the completion

    try:
        if "grammar" in asked:
            chunk({"grammar": str(engine.json_schema_to_grammar(asked["grammar"]))})
        else:
            server.handle_completions(asked["complete"], chunk)
    except (RuntimeError, ValueError, TypeError) as error:
        chunk({"error": {"message": str(error)}})
    finally:
        say({"id": number, "done": True})
        del stops[number]


if __name__ == "__main__":
    main()
