"""Writes the tables of operators by prefix of a number, from public data: `cargo xtask operators` runs it.

usage: generate.py MCC_MNC_LIST_JSON ALIASES_CSV FOLDER

`phonenumbers` (libphonenumber's tables) says which prefix was given to which carrier; mcc-mnc-list says which MCC and
MNC a brand or company has. Names are matched within a country, and what no rule matches and ALIASES_CSV does not name
stays without a code: a wrong one would be worse.
"""

import collections
import csv
import json
import re
import sys
import unicodedata

import phonenumbers
from phonenumbers.carrierdata import CARRIER_DATA

# Words that say nothing about which company it is.
EMPTY = {
    "mobile", "telecom", "telecoms", "telecommunications", "telecommunication", "telekom", "communications", "wireless",
    "cellular", "gsm", "ltd", "limited", "plc", "inc", "corp", "corporation", "company", "co", "sa", "ag", "gmbh", "ab",
    "as", "oy", "china", "oyj", "bv", "nv", "srl", "spa", "llc", "jsc", "ooo", "pjsc", "group", "the", "of", "and", "networks",
    "network", "cell", "mobil", "movil", "moviles", "comunicaciones", "de", "lte", "kg", "se", "doo", "ad", "sas",
}


def words(name):
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.findall(r"[a-z0-9]+", plain.replace("&", "and").replace("'", ""))


def telling(name):
    found = words(name)
    return [word for word in found if word not in EMPTY] or found


def country(prefix):
    """Of most numbers that begin so: libphonenumber is asked about several."""
    for length in (10, 11, 12, 9, 8, 13, 7):
        for filler in "2513700":
            text = "+" + prefix + filler * max(0, length - len(prefix))
            try:
                number = phonenumbers.parse(text)
            except phonenumbers.NumberParseException:
                continue
            region = phonenumbers.region_code_for_number(number)
            if region and region != "001":
                return region
    for digits in (1, 2, 3):
        region = phonenumbers.region_code_for_country_code(int(prefix[:digits]))
        if region not in ("ZZ", "001"):
            return region
    return ""


class Codes:
    """The networks of each country."""

    def __init__(self, rows):
        self.of = collections.defaultdict(list)
        for row in rows:
            if not re.fullmatch(r"[2-7]\d\d", row["mcc"] or "") or not re.fullmatch(r"\d{2,3}", row["mnc"] or ""):
                continue
            if row["type"] == "Test" or "GSM-R" in (row["bands"] or ""):
                continue
            row = dict(row, is_open=row["status"] == "Operational")
            for code in re.split(r"[-/,]", row["countryCode"] or ""):
                self.of[code.strip()].append(row)

    def find(self, region, carrier):
        """The best match, and the lowest code among equals; None when nothing matches well."""
        best = None
        for row in self.of[region]:
            score = max(self.score(carrier, row["brand"], 2), self.score(carrier, row["operator"], 0))
            if score == 0:
                continue
            # A network that is gone keeps its numbers, but one that is there is likelier.
            key = (score, row["is_open"], "MVNO" not in (row["bands"] or ""))
            if best is None or key > best[0]:
                best = (key, row)
        return best and best[1]["mcc"] + "-" + best[1]["mnc"]

    @staticmethod
    def score(carrier, name, bonus):
        if not name:
            return 0
        if words(carrier) == words(name):
            return 10 + bonus
        ours, theirs = telling(carrier), telling(name)
        if ours == theirs:
            return 8 + bonus
        if "".join(words(carrier)) == "".join(words(name)):
            return 8 + bonus
        # One name begins with the whole of the other: Vodafone and Vodafone D2.
        short, long = sorted((ours, theirs), key=len)
        if short and long[: len(short)] == short and max(map(len, short)) >= 3:
            return 5 + bonus
        return 0


def main(codes_file, aliases_file, folder):
    with open(codes_file, encoding="utf-8") as file:
        codes = Codes(json.load(file))
    with open(aliases_file, encoding="utf-8", newline="") as file:
        aliases = {(row["country"], row["carrier"]): row["operator"] for row in csv.DictReader(file)}
    carriers, prefixes, unused = {}, [], set(aliases)
    regions = {}
    for prefix, names in sorted(CARRIER_DATA.items()):
        name = names.get("en") or next(iter(names.values()))
        region = regions.setdefault(prefix, country(prefix))
        key = (region, name)
        if key not in carriers:
            unused.discard(key)
            found = aliases.get(key) if key in aliases else codes.find(region, name)
            carriers[key] = (len(carriers), found or "")
        prefixes.append((prefix, carriers[key][0]))
    if unused:
        sys.exit(f"aliases that no carrier has: {sorted(unused)}")
    with open(f"{folder}/carriers.csv", "w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["country", "carrier", "operator"])
        out.writerows([region, name, operator] for (region, name), (_, operator) in carriers.items())
    with open(f"{folder}/prefixes.csv", "w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["prefix", "carrier"])
        out.writerows(prefixes)
    told(carriers, prefixes)


def told(carriers, prefixes):
    by_number = {number: (region, operator) for (region, _), (number, operator) in carriers.items()}
    shares = collections.defaultdict(lambda: [0, 0])
    for _, number in prefixes:
        region, operator = by_number[number]
        shares[region][0] += bool(operator)
        shares[region][1] += 1
    for region, (mapped, all_of) in sorted(shares.items()):
        print(f"{region} {mapped} {all_of}")
    mapped = sum(bool(operator) for _, operator in carriers.values())
    print(f"carriers {mapped} of {len(carriers)}", file=sys.stderr)


if __name__ == "__main__":
    main(*sys.argv[1:])
