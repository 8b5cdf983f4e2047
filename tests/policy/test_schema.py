"""The schema beside the policy says what the parser says (test_policy_documents reads the same files)."""
import json
import os
import pathlib
import sys

try:
    import jsonschema
except ImportError:
    print("skipped: this python has no jsonschema (Debian: python3-jsonschema)")
    sys.exit(77)

ROOT = pathlib.Path(os.environ.get("top_srcdir", "."))
DOCUMENTS = ROOT / "tests" / "policy" / "documents"
# What a schema cannot say, and what is no JSON: only the parser can refuse these.
BEYOND_SCHEMA = "semantic-"
NOT_JSON = "syntax-"


def load(path):
    return json.loads(path.read_text(encoding="utf-8"))


def main():
    schema = load(ROOT / "policy" / "policy.schema.json")
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    good = sorted((ROOT / "policy" / "examples").glob("*.json"))
    good += sorted((DOCUMENTS / "good").glob("*.json"))
    good += sorted((ROOT / "tests" / "policy").glob("*.json"))
    bad = sorted((DOCUMENTS / "bad").glob("*.json"))
    failures = 0

    for path in good:
        for error in validator.iter_errors(load(path)):
            failures += 1
            print(f"{path}: expected the schema to take it, saw: {error.message} at {error.json_path}")
    for path in bad:
        if path.name.startswith(NOT_JSON):
            continue
        taken = validator.is_valid(load(path))
        if taken != path.name.startswith(BEYOND_SCHEMA):
            failures += 1
            print(f"{path}: the schema {'takes' if taken else 'refuses'} it, expected the reverse")
    print(f"{len(good)} good and {len(bad)} bad documents, {failures} failures")
    return 0 if failures == 0 and good and bad else 1


if __name__ == "__main__":
    sys.exit(main())
