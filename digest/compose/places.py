"""The countries that an English headline names: where something happened tells one event from another of its kind.

"Romney wins primary in Ohio", "… in Iowa"; "stocks fall in Tokyo", "… in Sydney": all words but one are the same, and it
is another story. Other languages' names are not known here; their headlines are judged by their words alone.
What is not here: how much it counts (likeness).
"""

from __future__ import annotations

import re
from functools import lru_cache

# A country by its name, its people, its capital or seat of government where headlines use that for it. Two that share
# their news stand in one line.
_COUNTRIES = """
    afghanistan afghan afghans kabul | albania albanian | algeria algerian | angola angolan | argentina argentine
    argentinian | armenia armenian | australia australian australians aust sydney canberra | austria austrian vienna |
    azerbaijan azeri | bahrain bahraini | bangladesh bangladeshi dhaka | belarus belarusian minsk | belgium belgian |
    bolivia bolivian | bosnia bosnian | brazil brazilian brazilians | britain british briton britons uk london |
    bulgaria bulgarian | cambodia cambodian | cameroon | canada canadian canadians ottawa | chad | chile chilean |
    china chinese beijing | colombia colombian | congo congolese | croatia croatian | cuba cuban havana | cyprus
    cypriot | czech prague | denmark danish dane danes | ecuador | egypt egyptian egyptians cairo | estonia estonian |
    ethiopia ethiopian | finland finnish finn finns helsinki | france french paris | germany german germans berlin |
    ghana ghanaian | greece greek greeks athens | guatemala | haiti haitian | honduras | hungary hungarian budapest |
    iceland icelandic | india indian indians delhi mumbai | indonesia indonesian jakarta | iran iranian iranians
    tehran | iraq iraqi iraqis baghdad | ireland irish dublin | israel israeli israelis palestinian palestinians
    palestine gaza hamas | italy italian italians rome | ivorian | jamaica jamaican | japan japanese tokyo | jordan
    jordanian amman | kazakhstan kazakh | kenya kenyan kenyans nairobi | korea korean koreans seoul pyongyang | kosovo
    | kuwait kuwaiti | kyrgyzstan kyrgyz | laos | latvia latvian | lebanon lebanese beirut | liberia liberian | libya
    libyan libyans tripoli | lithuania lithuanian | malaysia malaysian | mali malian | malta maltese | mexico mexican
    mexicans | moldova moldovan | mongolia mongolian | morocco moroccan | mozambique | myanmar burma burmese | nepal
    nepali nepalese | netherlands dutch | zealand | nicaragua | niger | nigeria nigerian nigerians | norway norwegian
    oslo | oman omani | pakistan pakistani pakistanis pak islamabad | panama | paraguay | peru peruvian | philippines
    philippine filipino manila | poland polish poles warsaw | portugal portuguese lisbon | qatar qatari doha | romania
    romanian | russia russian russians moscow kremlin | rwanda rwandan | saudi riyadh | scotland scottish | senegal |
    serbia serbian | singapore singaporean | slovakia slovak | slovenia slovenian | somalia somali somalis mogadishu |
    spain spanish madrid | lanka | sudan sudanese | sweden swedish swede stockholm | switzerland swiss | syria syrian
    syrians | taiwan taiwanese | tanzania | thailand thai bangkok | tunisia tunisian | turkey turkish turks ankara |
    uganda ugandan | ukraine ukrainian ukrainians kiev kyiv | emirates uae | uruguay | uzbekistan uzbek | vatican |
    venezuela venezuelan caracas | vietnam vietnamese hanoi | wales welsh | yemen yemeni yemenis | zambia | zimbabwe
"""
# Told of with and without "US": one that is named agrees with the whole, and not with another one.
_STATES = """
    alabama alaska arizona arkansas california calif colorado connecticut delaware florida hawaii idaho illinois
    indiana iowa kansas kentucky louisiana maine maryland massachusetts michigan minnesota mississippi missouri
    montana nebraska nevada ohio oklahoma oregon pennsylvania tennessee texas utah vermont virginia wisconsin wyoming
"""
_AMERICA = re.compile(r"\bU\.?S(?:\.?A)?\b|\bAmericans?\b|\bUnited States\b")
_NAMES = {name: names[0] for names in (each.split() for each in _COUNTRIES.split("|")) for name in names}
_US_STATES = frozenset(_STATES.split())
_WORD = re.compile(r"[^\W\d_]+")


@lru_cache(maxsize=50_000)
def places(title: str) -> tuple[frozenset[str], frozenset[str], bool]:
    """The countries that a title names, but for the United States; its states; and whether it names those as a whole.

    Names count only where they are written as names: china is sometimes porcelain.
    """
    words = frozenset(word.casefold() for word in _WORD.findall(title) if word[0].isupper())
    countries = frozenset(_NAMES[word] for word in words if word in _NAMES)
    return countries, words & _US_STATES, _AMERICA.search(title) is not None


def elsewhere(one: str, other: str) -> bool:
    """Whether two titles name places, and none in common."""
    (mine, my_states, at_home), (its, its_states, its_home) = places(one), places(other)
    if mine & its or my_states & its_states:
        return False
    if my_states and its_states:
        return True
    if (at_home or my_states) and (its_home or its_states):
        return False
    return bool(mine or my_states or at_home) and bool(its or its_states or its_home)
