"""Determine which countries a Story is about, and for which Side an Outlet counts in it. Pure.

A Lean describes an Outlet in the politics of its own country. In the affairs of another country the Outlet counts as neither
left nor right, unless its catalogue entry names that country in ``lean_countries``. The countries of a Story are found by the
names in its texts. Where they are not clear, the Lean applies.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from newsletter.feeds.leans import Lean, Side, side_of

NAMED_BY = 0.6  # share of the headlines that must name a country for the Story to be about it
ALSO_NAMED_BY = 0.25  # share of the texts that must name a further country for the Story to be about it too

# ISO 3166-1 codes; the names, capital and adjectives of each country. Names that often mean something else (Georgia, Jordan,
# Chad, turkey) are left out; their adjectives and capitals stand for them.
_NAMES = """
AE United Arab Emirates|UAE|Emirati|Abu Dhabi|Dubai
AF Afghanistan|Afghan|Kabul|Taliban
AL Albania|Albanian|Tirana
AM Armenia|Armenian|Yerevan
AO Angola|Angolan|Luanda
AR Argentina|Argentine|Argentinian|Buenos Aires
AT Austria|Austrian|Vienna
AU Australia|Australian|Canberra|Sydney
AZ Azerbaijan|Azerbaijani|Baku
BA Bosnia|Bosnian|Sarajevo
BD Bangladesh|Bangladeshi|Dhaka
BE Belgium|Belgian
BF Burkina Faso|Ouagadougou
BG Bulgaria|Bulgarian|Sofia
BI Burundi|Burundian
BO Bolivia|Bolivian|La Paz
BR Brazil|Brazilian|Brasilia|Sao Paulo|Rio de Janeiro
BY Belarus|Belarusian|Minsk
CA Canada|Canadian|Ottawa|Toronto|Quebec|Ontario|Alberta
CD DR Congo|Democratic Republic of the Congo|Democratic Republic of Congo|DRC|Congolese|Kinshasa|eastern Congo
CH Switzerland|Swiss|Geneva|Bern
CI Ivory Coast|Ivorian|Abidjan
CL Chile|Chilean
CM Cameroon|Cameroonian
CN China|Chinese|Beijing|Shanghai|Hong Kong
CO Colombia|Colombian|Bogota
CR Costa Rica|Costa Rican
CU Cuba|Cuban|Havana
CY Cyprus|Cypriot|Nicosia
CZ Czech Republic|Czechia|Czech|Prague
DE Germany|German|Berlin|Bundestag
DK Denmark|Danish|Copenhagen|Greenland
DO Dominican Republic|Santo Domingo
DZ Algeria|Algerian|Algiers
EC Ecuador|Ecuadorian|Quito
EE Estonia|Estonian|Tallinn
EG Egypt|Egyptian|Cairo
ER Eritrea|Eritrean
ES Spain|Spanish|Madrid|Barcelona|Catalonia
ET Ethiopia|Ethiopian|Addis Ababa
FI Finland|Finnish|Helsinki
FR France|French|Paris
GB United Kingdom|UK|U.K.|Britain|British|Briton|England|Scotland|Scottish|Wales|Welsh|Northern Ireland|London
GE Georgian|Tbilisi
GH Ghana|Ghanaian|Accra
GR Greece|Greek|Athens
GT Guatemala|Guatemalan
HN Honduras|Honduran
HR Croatia|Croatian|Zagreb
HT Haiti|Haitian|Port-au-Prince
HU Hungary|Hungarian|Budapest
ID Indonesia|Indonesian|Jakarta
IE Ireland|Irish|Dublin
IL Israel|Israeli|Jerusalem|Tel Aviv|Knesset|IDF
IN India|New Delhi|Mumbai
IQ Iraq|Iraqi|Baghdad
IR Iran|Iranian|Tehran
IS Iceland|Icelandic|Reykjavik
IT Italy|Italian|Rome
JM Jamaica|Jamaican
JO Jordanian|Amman
JP Japan|Japanese|Tokyo
KE Kenya|Kenyan|Nairobi
KH Cambodia|Cambodian|Phnom Penh
KP North Korea|North Korean|Pyongyang
KR South Korea|South Korean|Seoul
KW Kuwait|Kuwaiti
KZ Kazakhstan|Kazakh|Astana
LB Lebanese|Beirut|Hezbollah
LK Sri Lanka|Sri Lankan|Colombo
LT Lithuania|Lithuanian|Vilnius
LV Latvia|Latvian|Riga
LY Libya|Libyan|Tripoli
MA Morocco|Moroccan|Rabat
MD Moldova|Moldovan|Chisinau
MG Madagascar|Antananarivo
MK North Macedonia|Skopje
ML Malian|Bamako
MM Myanmar|Burmese|Naypyidaw
MN Mongolia|Mongolian
MX Mexico|Mexican|Mexico City
MY Malaysia|Malaysian|Kuala Lumpur
MZ Mozambique|Mozambican
NE Nigerien|Niamey
NG Nigeria|Nigerian|Abuja|Lagos
NI Nicaragua|Nicaraguan
NL Netherlands|Dutch|Amsterdam|The Hague
NO Norway|Norwegian|Oslo
NP Nepal|Nepali|Nepalese|Kathmandu
NZ New Zealand|New Zealander|Auckland
PA Panama|Panamanian
PE Peru|Peruvian|Lima
PG Papua New Guinea
PH Philippines|Philippine|Filipino|Manila
PK Pakistan|Pakistani|Islamabad|Karachi
PL Poland|Polish|Warsaw
PS Gaza|Palestinian|Palestinians|Palestine|West Bank|Hamas
PT Portugal|Portuguese|Lisbon
PY Paraguay|Paraguayan
QA Qatar|Qatari|Doha
RO Romania|Romanian|Bucharest
RS Serbia|Serbian|Belgrade
RU Russia|Russian|Moscow|Kremlin
RW Rwanda|Rwandan|Kigali
SA Saudi Arabia|Saudi|Riyadh
SD Sudan|Sudanese|Khartoum|Darfur
SE Sweden|Swedish|Stockholm
SG Singapore|Singaporean
SI Slovenia|Slovenian|Ljubljana
SK Slovakia|Slovak|Bratislava
SN Senegal|Senegalese|Dakar
SO Somalia|Somali|Mogadishu
SS South Sudan|South Sudanese|Juba
SV El Salvador|Salvadoran
SY Syria|Syrian|Damascus
TD Chadian
TH Thailand|Thai|Bangkok
TN Tunisia|Tunisian|Tunis
TR Turkish|Ankara|Istanbul|Türkiye
TW Taiwan|Taiwanese|Taipei
TZ Tanzania|Tanzanian
UA Ukraine|Ukrainian|Kyiv|Kiev
UG Uganda|Ugandan|Kampala
US United States|US|U.S.|USA|America|American|Washington|White House|Pentagon|Congress|Capitol|Republican|Democrat|GOP|FBI|CIA
UY Uruguay|Uruguayan|Montevideo
UZ Uzbekistan|Uzbek|Tashkent
VA Vatican|Holy See
VE Venezuela|Venezuelan|Caracas
VN Vietnam|Vietnamese|Hanoi
XK Kosovo|Pristina
YE Yemen|Yemeni|Houthi|Sanaa
ZA South Africa|South African|Pretoria|Johannesburg
ZM Zambia|Zambian
ZW Zimbabwe|Zimbabwean|Harare
"""
_STATES = (
    "Alabama|Alaska|Arizona|Arkansas|California|Colorado|Connecticut|Delaware|Florida|Hawaii|Idaho|Illinois|Indiana|Iowa|Kansas|"
    "Kentucky|Louisiana|Maine|Maryland|Massachusetts|Michigan|Minnesota|Mississippi|Missouri|Montana|Nebraska|Nevada|New Hampshire|"
    "New Jersey|New Mexico|New York|North Carolina|North Dakota|Ohio|Oklahoma|Oregon|Pennsylvania|Rhode Island|South Carolina|"
    "South Dakota|Tennessee|Texas|Utah|Vermont|Virginia|Wisconsin|Wyoming"
)
CODE_OF = {
    name: row[:2] for row in _NAMES.strip().splitlines() for name in row[3:].split("|")
} | dict.fromkeys(_STATES.split("|"), "US")
CODES = frozenset(CODE_OF.values())
# Longer names come first, so that "New Mexico" is not read as Mexico and "South Sudan" not as Sudan.
_NAME = re.compile(
    r"(?<![\w.])(?:(?:Latin|South|Central|North) America(?:n|ns)?|("
    + "|".join(re.escape(n) for n in sorted(CODE_OF, key=len, reverse=True))
    + r")(?:s|['’]s?)?)(?!\w)"
)


@dataclass(frozen=True)
class OutletLean:
    """The data of an Outlet that decide its Side. ``country`` is an ISO 3166-1 code, None when unknown; in the affairs of
    ``lean_countries`` its Lean applies too."""

    lean: Lean
    country: str | None = None
    state_run: bool = False
    lean_countries: frozenset[str] = frozenset()


def countries_named(text: str) -> frozenset[str]:
    """Return the codes of the countries whose names, capitals or adjectives occur in ``text``."""
    return frozenset(CODE_OF[m[1]] for m in _NAME.finditer(text) if m[1])


def story_countries(articles: Sequence[tuple[str, str]]) -> frozenset[str]:
    """Return the countries that a Story is about, from the pairs of headline and excerpt of its Articles.

    The result is empty, which means unclear, when no country is named in :data:`NAMED_BY` of the headlines or no Article has
    an excerpt. Otherwise it holds every country that :data:`ALSO_NAMED_BY` of the texts name, so that a Story about two countries
    is foreign to neither.
    """
    headlines = Counter(c for headline, _ in articles for c in countries_named(headline))
    described = [f"{headline} {text}" for headline, text in articles if text]
    if not described or not headlines or max(headlines.values()) < NAMED_BY * len(articles):
        return frozenset()
    texts = Counter(c for text in described for c in countries_named(text))
    return frozenset(c for c, n in texts.items() if n >= ALSO_NAMED_BY * len(described))


def side_for(outlet: OutletLean, countries: Collection[str] = ()) -> Side | None:
    """Return the Side that an Outlet counts for in a Story about these countries (empty: unclear), or None for no Side.

    A state-run Outlet speaks for its government and counts for no Side. An Outlet of the center counts as center in any Story.
    """
    if outlet.state_run:
        return None
    side = side_of(outlet.lean)
    if side is Side.CENTER or not countries or outlet.country is None:
        return side
    return side if ({outlet.country} | outlet.lean_countries) & set(countries) else None
