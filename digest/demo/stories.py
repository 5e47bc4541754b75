"""What the sample newsroom prints: an article with five teasers, and six stories for its feed.

Written for this demo in our own words. The section keeps to the facts of a public page of Defence Notes; the wire tells
what holds in general. What is not here: pages and pictures (newsroom, pictures).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class SampleStory:
    """A story of the sample newsroom.

    path: where its page is. age: how long before the start it came out; None: the section names no date. picture: a name
    of `pictures.SCENES`, None for none.
    """

    path: str
    title: str
    teaser: str
    body: tuple[str, ...]
    age: timedelta | None = None
    picture: str | None = None


SECTION = "Defence Notes"
SECTION_PATH = "/news/defence-notes/"
WIRE_PATH = "/news/wire/"

ARTICLE = SampleStory(
    f"{SECTION_PATH}nato-seeks-no-new-arms-race-with-russia/",
    "NATO seeks no new arms race with Russia",
    "The alliance wants to answer firmly, but in a measured and defensive way, its secretary general said in Ottawa after"
    " the poisoning of a former spy in England.",
    (
        "NATO does not want to be drawn into another arms race with Russia. That was the message of the alliance’s"
        " secretary general in Ottawa, where he appeared before reporters together with Canada’s prime minister.",
        "The question had been whether the alliance would add sanctions of its own after the former Russian spy Sergei"
        " Skripal and his daughter were poisoned in England. London and its allies hold Moscow responsible: they point"
        " to the nerve agent, which is of Soviet design, and to Russia’s conduct from Crimea to cyber-attacks.",
        "The answer, as the secretary general described it, is to be firm and predictable, and at the same time measured"
        " and defensive. The alliance does not want a new Cold War, and goes on working towards a more"
        " constructive relationship with Russia.",
    ),
    timedelta(minutes=35),
)

TEASERS = (
    SampleStory(
        f"{SECTION_PATH}malaysia-sets-aside-rm2170-billion-for-defence/",
        "Malaysia sets aside RM21.70 billion for defence in 2026",
        "Next year’s budget opens the way for several large purchases, and each of the three services has its share: army,"
        " navy and air force.",
        (
            "Malaysia will spend RM21.70 billion on defence in 2026. Several large procurements are to begin in the course"
            " of the year, across the army, the navy and the air force.",
            "A budget is a statement of intent: it says what is to be started, and roughly what it may cost. Contracts"
            " follow one by one, and with them the dates on which equipment reaches the units that wait for it.",
        ),
        picture="strait",
    ),
    SampleStory(
        f"{SECTION_PATH}droneshield-to-double-its-us-footprint/",
        "DroneShield to double its footprint in the United States",
        "More people, more manufacturing capacity and closer ties with American suppliers: the company prepares for the"
        " growing demand for defence against uncrewed systems.",
        (
            "DroneShield wants to be twice its present size in the United States. The maker of systems against drones plans"
            " to take on more people there and to add manufacturing capacity.",
            "At the same time it means to work more closely with suppliers in the country. Behind the plan stands demand:"
            " armed forces and operators of airports, ports and power stations all look for ways to notice uncrewed systems"
            " early and to stop them.",
        ),
        picture="dusk",
    ),
    SampleStory(
        f"{SECTION_PATH}gao-asks-for-better-availability-and-better-data/",
        "GAO asks for better availability, and for better data",
        "Two new reports of the US Government Accountability Office look at how often equipment is ready for use, and at"
        " how the government secures data and intellectual property in its contracts.",
        (
            "The US Government Accountability Office has published two reports that belong together. The first examines how"
            " available selected equipment really is; the second asks how the government obtains data, and rights to"
            " intellectual property, through its contracts.",
            "The link between the two is easy to see. Whoever lacks the technical data for a system cannot maintain it"
            " alone, and what cannot be maintained is not available.",
        ),
    ),
    SampleStory(
        f"{SECTION_PATH}canada-looks-for-faster-ways-to-buy/",
        "Canada looks for faster ways to buy defence equipment",
        "The Department of National Defence is working to speed up its purchases, and to modernise what is in service"
        " already.",
        (
            "The Canadian Department of National Defence wants to turn rising investments into equipment more quickly. It"
            " has stepped up its efforts to shorten the way from a decision to a delivery.",
            "New equipment is one half of the task. The other is the inventory that is in service now, which is to be"
            " modernised while it is being used.",
        ),
        picture="north",
    ),
    SampleStory(
        f"{SECTION_PATH}palantir-and-boeing-bring-ai-to-the-factory/",
        "Palantir and Boeing bring AI to the factory floor",
        "Software from Palantir is to bring together the data of Boeing’s 12 defence factories, and to serve classified"
        " programmes as well.",
        (
            "Boeing and Palantir have agreed on a partnership for defence manufacturing. Palantir’s AI software is to help"
            " the airframer make more of the data that its production creates.",
            "Boeing builds for its defence customers in 12 factories. With one way to analyse data in all of them, a"
            " finding in one place can be of use in the others. Classified programmes are part of the plan.",
        ),
    ),
)  # fmt: skip

WIRE = (
    SampleStory(
        f"{WIRE_PATH}why-readiness-counts-for-more-than-numbers/",
        "Why readiness counts for more than numbers",
        "A fleet is as large as the part of it that can be used tomorrow morning. Spare parts, people and data decide how"
        " large that is.",
        (
            "Inventories are counted in vehicles, ships and aircraft. What matters on the day is another figure: how many"
            " of them are ready.",
            "Three things decide it. Spare parts have to be in the right place, there must be people who know the system,"
            " and they need its technical data. Where one of them is wanting, the other two wait.",
        ),
        timedelta(hours=1, minutes=10),
        "plain",
    ),
    SampleStory(
        f"{WIRE_PATH}how-to-read-a-defence-budget/",
        "How to read a defence budget",
        "Sums and aims stand in the budget; suppliers, numbers and dates come later. A short guide to what a headline"
        " figure says, and what it does not.",
        (
            "The figure in the headline is what may be spent in a year. It covers pay, fuel and upkeep as well as new"
            " equipment, and the part for new equipment is mostly bound by earlier contracts.",
            "What is new shows in the list of projects that may begin. Between that list and a signed contract lie studies,"
            " tenders and tests, which often take longer than the year for which the budget was made.",
        ),
        timedelta(hours=2, minutes=20),
    ),
    SampleStory(
        f"{WIRE_PATH}counter-drone-systems-in-three-steps/",
        "Counter-drone systems in three steps: notice, decide, stop",
        "Small aircraft are hard to see and cheap to buy. Defence against them begins with sensors and ends with a choice"
        " that has to be made within seconds.",
        (
            "First a drone has to be noticed. Radar, radio receivers, cameras and microphones each see something that the"
            " others miss, so most systems combine several of them.",
            "Then somebody has to decide whether it is a threat, and how it may be stopped where it flies. Over a town the"
            " answer is another than over open land.",
        ),
        timedelta(hours=3, minutes=40),
        "night",
    ),
    SampleStory(
        f"{WIRE_PATH}technical-data-outlive-the-contract/",
        "Technical data: the part of a contract that lasts longest",
        "Equipment serves for decades. Whoever wants to repair it, change it or buy parts elsewhere needs drawings, and the"
        " right to use them.",
        (
            "When a system is bought, most eyes are on its price and its date of delivery. The papers that come with it get"
            " less attention, although they are needed for longer than anything else.",
            "Rights that were not agreed at the beginning are dear to buy later, because by then there is only one seller.",
        ),
        timedelta(hours=5, minutes=5),
    ),
    SampleStory(
        f"{WIRE_PATH}one-factory-many-sources-of-data/",
        "One factory, many sources of data",
        "Machines, stores and test stands all keep records, seldom in the same form. Before software can find anything in"
        " them, they have to speak of the same things.",
        (
            "A modern factory writes down nearly everything that happens in it. The records come from machines of different"
            " makers and ages, and they name the same part in different ways.",
            "Bringing them together is patient work. It pays when a fault that shows on a test stand can be traced back to"
            " the hour and the machine from which it came.",
        ),
        timedelta(hours=6, minutes=45),
        "works",
    ),
    SampleStory(
        f"{WIRE_PATH}modernise-or-replace/",
        "Modernise or replace? The question behind every fleet",
        "New electronics in an old hull cost less and arrive sooner. At some point the hull sets the limit.",
        (
            "Every fleet comes to the point at which its owner has to choose. Modernising keeps what works, saves training"
            " and is faster. Replacing is dear and slow, and opens possibilities that the old design never had.",
            "In practice most do both: part of the fleet is modernised so that the other part can be replaced in peace.",
        ),
        timedelta(hours=9),
    ),
)  # fmt: skip

EVERYTHING = (ARTICLE, *TEASERS, *WIRE)
