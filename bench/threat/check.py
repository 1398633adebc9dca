"""Checks the findings of campaigns against their threat models, with numpy, PyYAML and, for `plausible`, ONNX Runtime alone.

python3 bench/threat/check.py neurofuzz-out/model ...

Prints a JSON line for each campaign: findings that were checked, and the clauses that are broken. It shares no code with
neurofuzz: what docs/security.md promises is written here a second time.
"""

import hashlib
import json
import re
import sys
from pathlib import Path

import numpy
import yaml

LIMITS = {"linf", "l2", "l0", "edits", "valid"}
FAILURES = {"crash", "hang", "memory"}
ALTERING = set("bisect blend category copy crossover interpolate latent latent-interpolate mirror negate permute phrase splice unusual".split())
OBJECTIVES = {
    "untargeted": {"misclassified", "confident-error", "quantization", "differential", "metamorphic"},
    "targeted": {"misclassified"},
    "abstain": {"assert"},
    "reliability": {"nonfinite", "slow", "consistent", "assert"},
    "text": {"text"},
}


def digest(arrays):
    """First 16 hex digits of the SHA-256 of the inputs in the order of their names."""
    sha = hashlib.sha256()
    for name in sorted(arrays.files):
        array = arrays[name]
        head = json.dumps([name, array.dtype.name, list(array.shape)], separators=(",", ":"), ensure_ascii=False)
        sha.update(f"{head}\n".encode())
        sha.update(numpy.ascontiguousarray(array).tobytes())
    return sha.hexdigest()[:16]


def journal(folder):
    path = folder / "corpus" / "journal.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return {entry["id"]: entry for entry in map(json.loads, lines)}


def trail(finding, entries):
    """Mutators from the seed to the finding."""
    steps, parent = list(finding["mutators"]), finding["parent"]
    while parent is not None and parent != finding["ancestor"]:
        steps += entries[parent]["mutators"]
        parent = entries[parent]["parent"]
    return [tuple(step.rsplit(":", 1)) for step in steps]


def mild(settings, name, mutator):
    """Whether a mutator is a mild corruption, rotation or shift by all its settings."""
    own = [spec for spec in settings["mutator"][name] if spec.split(":")[0] == mutator]
    turns = {"rotate": 10, "translate": 0.1}

    def is_mild(spec):
        if mutator in turns:
            most = re.fullmatch(r"[a-z]+:most=([^,]+)", spec)
            return most is not None and float(most[1]) <= turns[mutator]
        return re.fullmatch(r"[a-z-]+:severity=[12]", spec) is not None

    return len(own) > 0 and all(map(is_mild, own))


def valid(condition, arrays, seed):
    """Whether a condition holds, by numpy: for conditions of sums, extremes and absolute values over one input."""
    (name,) = arrays.files
    names = {"abs": numpy.abs, "sum": numpy.sum, "max": numpy.max, "min": numpy.min, name: arrays[name].astype(numpy.float64)}
    text = condition.replace(f"seed.{name}", "seed")
    return bool(eval(text, {"__builtins__": {}}, names | {"seed": seed[name].astype(numpy.float64)}))


def plausible(bound, folder, arrays, threat):
    """Whether a detector, run by ONNX Runtime, gives a value within the bound, and the value that the finding has."""
    import onnxruntime

    path, index, comparison, limit = re.fullmatch(r"(.*?)(?:\[(\d+)\])?\s*(<=|>=|<|>)\s*(\S+)", bound).groups()
    session = onnxruntime.InferenceSession(folder / path)
    value = session.run(None, {name: arrays[name][None] for name in arrays.files})[0].ravel()[int(index or 0)]
    compare = {"<": numpy.less, "<=": numpy.less_equal, ">": numpy.greater, ">=": numpy.greater_equal}[comparison]
    return bool(compare(value, float(limit))) and abs(threat["plausible"] - float(value)) < 1e-5


def masks(folder, settings):
    names = [given["name"] for given in settings["resolved"]["inputs"]]
    found = {}
    for entry in settings.get("fixed", []):
        name = next((name for name in names if entry.startswith(f"{name}=")), names[0])
        found[name] = numpy.load(folder / entry.removeprefix(f"{name}=")).ravel() != 0
    return found


def broken(folder, path, settings, entries, fixed):
    """Names of the clauses that a finding breaks."""
    finding = json.loads((path / "finding.json").read_text())
    model, goal = settings["threatModel"], settings["threatModel"]["goal"]
    arrays = numpy.load(path / "input.npz")
    stored = folder / "corpus" / f"{finding['ancestor']}.npz"
    seed = numpy.load(stored) if finding["id"] != finding["ancestor"] else arrays
    if digest(arrays) != finding["id"] or digest(seed) != finding["ancestor"]:
        yield "id"
    differences = []
    for given in settings["resolved"]["inputs"]:
        values, start = arrays[given["name"]].ravel(), seed[given["name"]].ravel()
        same = values == start
        low, high = given["range"]
        wide = values.astype(numpy.float64)
        if not numpy.all(same | ((wide >= low) & (wide <= high))):
            yield "range"
        if given["name"] in fixed and not numpy.array_equal(values[fixed[given["name"]]], start[fixed[given["name"]]]):
            yield "fixed"
        if settings["mutator"].get(given["name"]) == "none" and not same.all():
            yield "kept"
        differences.append(numpy.abs(wide - start.astype(numpy.float64)))
    difference = numpy.concatenate(differences)
    measured = {"linf": difference.max(), "l2": numpy.sqrt((difference**2).sum()), "l0": (difference > 0).sum()}
    for norm, value in measured.items():
        if norm in settings and not value <= settings[norm]:
            yield norm
    if model["may"] == "content-preserving":
        steps = trail(finding, entries)
        if ALTERING & {name for _, name in steps}:
            yield "may"
        elif not LIMITS & set(settings) and (len(steps) > 1 or not all(mild(settings, *step) for step in steps)):
            yield "may"
    if "valid" in settings and not valid(settings["valid"], arrays, seed):
        yield "valid"
    threat = finding["threat"]
    if model.get("repeats") is False and threat.get("queries") not in (0, 1):
        yield "repeats"
    if "plausible" in model and not plausible(model["plausible"], folder, arrays, threat):
        yield "plausible"
    held, runs = map(int, finding["reproduced"].split("/"))
    is_random = model["knows"].get("randomness") is False and finding["objective"] not in FAILURES
    if is_random and finding["status"] == "confirmed" and not (runs >= 30 and held >= 0.9 * runs):
        yield "randomness"
    for limit in model.get("queries", {}).values():
        if not 0 <= finding["threat"].get("queries", -1) <= limit:
            yield "queries"
    if finding["objective"] in FAILURES:
        return
    details = finding["violation"]["details"]
    if finding["objective"] not in OBJECTIVES[goal["kind"]]:
        yield "goal.kind"
    if "class" in details and details["class"] == details.get("label"):
        yield "goal.kind"
    if "to" in goal and details.get("class") not in goal["to"]:
        yield "goal.to"
    if goal["from"] != "any" and finding.get("label") not in goal["from"]:
        yield "goal.from"


def check(folder):
    settings = yaml.safe_load((folder / "campaign.yaml").read_text())
    entries, fixed = journal(folder), masks(folder, settings)
    paths = sorted(path.parent for path in (folder / "findings").rglob("finding.json"))
    violations = {}
    for path in paths:
        for clause in broken(folder, path, settings, entries, fixed):
            violations[clause] = violations.get(clause, 0) + 1
    return {"campaign": str(folder), "checked": len(paths), "violations": violations}


for argument in sys.argv[1:]:
    print(json.dumps(check(Path(argument))))
