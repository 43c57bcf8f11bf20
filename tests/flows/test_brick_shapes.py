"""The Brick export against Brick's own ontology and shapes, in a process of its own: the ontology takes 100 MB."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import resources
from pathlib import Path

from hub.domain.metrics import METRICS
from hub.flows.community.interop.brick import write_brick
from hub.flows.community.interop.vocabulary import BRICK_OF_KIND, BRICK_OF_PLACE, BRICK_OF_UNIT, LOCATIONS
from hub.storage.catalogue import load_catalogue
from hub.storage.community_toml import parse_toml

NOW = 1_795_000_000_000
JUDGE = """
import json, sys, warnings
warnings.simplefilter("ignore")
import brickschema, rdflib
brick = brickschema.Graph(load_brick=True)
wanted = json.load(open(sys.argv[2]))
BRICK, SH = rdflib.Namespace("https://brickschema.org/schema/Brick#"), rdflib.Namespace("http://www.w3.org/ns/shacl#")
own = rdflib.Graph().parse(sys.argv[1], format="turtle")
types = {str(each) for each in own.objects(None, rdflib.RDF.type)} | {str(BRICK[each]) for each in wanted["classes"]}
unknown = [each for each in types if (rdflib.URIRef(each), None, None) not in brick and "qudt" not in each]
def below(name, top):
    return rdflib.URIRef(BRICK[top]) in brick.transitive_objects(BRICK[name], rdflib.RDFS.subClassOf)
places = [each for each in wanted["locations"] if not below(each, "Location")]
points = [each for each in wanted["points"] if not below(each, "Point")]
brick.parse(sys.argv[1], format="turtle")
_, report, _ = brick.validate(engine="shifty")
faults = []
for result in report.subjects(rdflib.RDF.type, SH.ValidationResult):
    focus, severity = report.value(result, SH.focusNode), report.value(result, SH.resultSeverity)
    if str(focus).startswith("urn:community-hub:") and severity == SH.Violation:
        faults.append(f"{focus}: {report.value(result, SH.resultMessage)}")
print(json.dumps({"unknown": unknown, "places": places, "points": points, "faults": sorted(faults)[:20], "own": len(own)}))
"""


def test_every_word_is_bricks_and_the_official_shapes_find_no_fault(tmp_path: Path) -> None:
    text = resources.files("hub").joinpath("communities/harmony-garden.toml").read_text(encoding="utf-8")
    picture = parse_toml(text, load_catalogue(), file="harmony-garden.toml").picture
    turtle, wanted = tmp_path / "garden.ttl", tmp_path / "wanted.json"
    turtle.write_text(write_brick(picture, now=NOW), encoding="utf-8")
    classes = [*BRICK_OF_KIND.values(), *BRICK_OF_PLACE.values(), *BRICK_OF_UNIT.values(), "Site", "Equipment", "Point"]
    points = sorted({metric.brick for metric in METRICS.values() if metric.brick})
    asked = {"classes": [*classes, *points], "locations": sorted(LOCATIONS), "points": points}
    wanted.write_text(json.dumps(asked), encoding="utf-8")
    answer = subprocess.run(
        [sys.executable, "-c", JUDGE, turtle, wanted], capture_output=True, text=True, check=False, timeout=110
    )
    assert answer.returncode == 0, answer.stderr[-2000:]
    found = json.loads(answer.stdout.splitlines()[-1])
    assert found["own"] > 5_000
    assert (found["unknown"], found["places"], found["points"], found["faults"]) == ([], [], [], [])
