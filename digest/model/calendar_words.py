"""The names of weekdays and months as headlines have them, in a dozen languages (pure).

Chinese, Japanese and Korean write them as a sign and a number; they are read where titles are (compose/numbering).
"""

from __future__ import annotations

WEEKDAYS = tuple(
    tuple(row.split())
    for row in (
        "monday montag lundi lunes lunedì maandag måndag mandag poniedziałek понедельник الاثنين الإثنين",
        "tuesday dienstag mardi martes martedì dinsdag tisdag tirsdag wtorek вторник الثلاثاء",
        "wednesday mittwoch mercredi miércoles mercoledì woensdag onsdag środa среда الأربعاء الاربعاء",
        "thursday donnerstag jeudi jueves giovedì donderdag torsdag czwartek четверг الخميس",
        "friday freitag vendredi viernes venerdì vrijdag fredag piątek пятница الجمعة",
        "saturday samstag sonnabend samedi sábado sabato zaterdag lördag lørdag sobota суббота السبت",
        "sunday sonntag dimanche domingo domenica zondag söndag søndag niedziela воскресенье الأحد الاحد",
    )
)
"""Monday first; each day's English name first. A name is casefolded."""

MONTHS = tuple(
    tuple(row.split())
    for row in (
        "january januar jänner janvier enero gennaio januari janeiro январь января يناير",
        "february februar février febrero febbraio februari fevereiro февраль февраля فبراير",
        "march märz mars marzo maart março март марта مارس",
        "april avril abril aprile апрель апреля أبريل ابريل",
        "may mai mayo maggio mei maio май мая مايو",
        "june juni juin junio giugno junho июнь июня يونيو",
        "july juli juillet julio luglio julho июль июля يوليو",
        "august août agosto augustus augusti август августа أغسطس اغسطس",
        "september septembre septiembre settembre setembro сентябрь сентября سبتمبر",
        "october oktober octobre octubre ottobre outubro октябрь октября أكتوبر اكتوبر",
        "november novembre noviembre novembro ноябрь ноября نوفمبر",
        "december dezember décembre diciembre dicembre dezembro декабрь декабря ديسمبر",
    )
)
"""January first; each month's English name first. A name is casefolded."""

AMBIGUOUS = frozenset({"may", "march", "mars", "mei"})
"""Months whose names are far more often something else in a headline."""
