"""Words and frames by which callers say what makes a call hard for them (see `vulnerable.py`)."""

# ruff: noqa: E501 - patterns and word lists are read as a whole

from __future__ import annotations

from typing import Literal, get_args

VulnerableSignal = Literal[
    "hearing", "sight", "speech", "understanding", "reading", "memory", "language", "computer"
]
VULNERABLE_SIGNALS: tuple[VulnerableSignal, ...] = get_args(VulnerableSignal)

# A mark for each class of telling words. 'q' begins no word of either language that the tags know.
MARKS: tuple[tuple[str, str], ...] = (
    ("qaid", r"(?:gehoor|hoor)(?:apparaa?t(?:en|je|jes)?|toestel(?:len|letje)?)|hearing aids?|(?:cochleair|cochlear) implant(?:aat)?"),
    ("qdeaf", r"slecht ?horende?|hard ?horige?|doof|dove|deaf(?:ened)?|hard of hearing|hearing[- ]impaired|gehoorgestoord|gehoorbeperk(?:t|te|ing)"),
    ("qears", r"gehoor|oren|hearing|ears"),
    ("qhear", r"hoor|horen|hear"),
    ("qblind", r"blinde?|slecht ?ziende?|visueel beperkt|visually impaired|(?:partially|poorly) sighted"),
    ("qeyes", r"ogen|gezichtsvermogen|eyesight|eyes|zicht"),
    ("qsee", r"zie|zien|see"),
    ("qstut", r"stotter(?:en|aar)?|stutter(?:er|ing)?|stammer(?:er|ing)?|afasie|aphasia|spraakgebrek|spraakstoornis|spraakprobleem|speech (?:impediment|disorder|impairment)"),
    ("qtalk", r"praten|spreken|speaking|talking"),
    ("qgrasp", r"begrijp|begrijpen|snap|snappen|volg|volgen|understand|follow|comprehend|get (?=(?:it|this|that)\b)"),
    ("qlost", r"in de war|de draad kwijt|confused|kluts kwijt|lost the thread"),
    ("qhard", r"(?:te|too|heel|very|erg|zo|so|much too|veel te|way too) (?:moeilijk|lastig|ingewikkeld|complex|complicated|difficult|hard|confusing|verwarrend)"),
    ("qslow", r"verstandelijk(?:e)? (?:beperkt|beperking)|leerproblemen|learning (?:disability|disabled|difficulties)|autisme|autistisch|autism|autistic|(?:hersen|brain )(?:letsel|schade|injury|damage)|nah"),
    ("qilli", r"laag ?geletterde?|analfabeet|illiterate|dyslexi[ea]|dyslectisch|dyslexic"),
    ("qread", r"lezen|schrijven|read|write|reading|writing"),
    ("qdem", r"dement|dementie|dementia|alzheimer|geheugen(?:problemen|verlies|stoornis)|memory (?:problems|loss|issues)"),
    ("qmem", r"geheugen|memory"),
    ("qforg", r"vergeet|forget"),
    ("qtong", r"nederlands|engels|vlaams|dutch|english|flemish"),
    ("qbad", r"slecht|slechte|bad|badly|poor|poorly|zwak|weak|beroerd|achteruit|matig|gebrekkig|gebroken|broken"),
    ("qtrou", r"moeite|moeilijk|moeilijkheden|lastig|trouble|difficulty|difficulties|problemen|problems|hard time|struggle"),
    ("qnil", r"niks|niets|nothing|geen (?:bal|snars|jota)|anything|alles|everything|word"),
    ("qcomp", r"computers?|internet|smartphones?|apps?|digitale?|techniek|technology|tech|laptop|e-?mail"),
)  # fmt: skip

_SELF = r"^(?:(?!IF |ALS |MY |YOU )\S+ )?I "
_VERY = r"(?:(?:SOFT|GOOD|DET|allebei|both|allemaal|beetje|WH|heel|erg|zeer|vrij|nogal|wat|behoorlijk|vreselijk|bijna|helemaal|very|quite|rather|bit|pretty|PREP|MORE|also|completely|almost|totally|well|really|partly|ernstig|REAL) )*"
_END = r"(?: (?:SOFT|GOOD|MORE|well|PREP|ME|DET|DEM|MUST|LOC|at|all|helemaal|very|much|ONLINE|anymore|any|meer|goe|of|&|WH|hier|here|NOT|BE|right|now|qgrasp|qnil))*$"
_HAVE = (
    rf"{_SELF}(?:DO )?(?:HAVE|suffer|lijd|draag|wear|gebruik|use|SPEAK|live|PREP)(?: I)? {_VERY}(?:[a-z]+ )?"
)
FRAMES: dict[VulnerableSignal, tuple[str, ...]] = {
    "hearing": (
        rf"{_SELF}BE {_VERY}qdeaf", rf"{_SELF}{_VERY}qdeaf BE", rf"^{_VERY}qdeaf$", rf"{_HAVE}qaid",
        rf"{_SELF}qhear {_VERY}(?:qbad|NOT|almost){_END}", rf"{_SELF}(?:DO |CAN |BE )+NOT {_VERY}qhear{_END}",
        rf"{_SELF}(?:CAN )?{_VERY}(?:qbad|qtrou) {_VERY}qhear{_END}", rf"{_SELF}CAN {_VERY}NOT {_VERY}qhear{_END}",
        rf"^MY qears (?:BE|GO|WORK|[a-z]+) {_VERY}(?:NOT|qbad)", rf"{_HAVE}(?:qtrou|qbad) {_VERY}(?:qhear|qears)",
        r"^YOU SPEAK PREP (?:DET )?qdeaf",
    ),
    "sight": (
        rf"{_SELF}BE {_VERY}qblind", rf"{_SELF}{_VERY}qblind BE", rf"^{_VERY}qblind$",
        rf"{_SELF}qsee {_VERY}(?:qbad|NOT|almost|qnil){_END}", rf"{_SELF}(?:DO |CAN )+{_VERY}NOT {_VERY}qsee{_END}",
        rf"^MY qeyes (?:BE|GO|[a-z]+) {_VERY}(?:NOT|qbad)", rf"{_HAVE}(?:qtrou|qbad) {_VERY}(?:qsee|qeyes)",
    ),
    "speech": (
        rf"{_SELF}(?:BE )?{_VERY}qstut", rf"{_HAVE}qstut", rf"{_SELF}CAN {_VERY}(?:qtrou|NOT) {_VERY}qtalk$",
        rf"{_HAVE}qtrou {_VERY}qtalk",
    ),
    "understanding": (
        rf"{_SELF}qgrasp {_VERY}(?:DET |DEM |YOU |LOC |ABOUT )*{_VERY}(?:NOT|qnil|qbad){_END}",
        rf"{_SELF}(?:DO |CAN |BE )+(?:DET |DEM |YOU |LOC )*{_VERY}NOT {_VERY}qgrasp{_END}",
        rf"{_SELF}(?:CAN )?(?:DET |DEM |YOU |LOC )*{_VERY}qtrou {_VERY}qgrasp{_END}", rf"{_HAVE}qtrou {_VERY}qgrasp",
        rf"{_SELF}(?:BE|[a-z]+) {_VERY}qlost", rf"^(?:DEM|DET)(?: GO)? (?:BE )?(?:all )?{_VERY}qhard(?: PREP)? ME",
        rf"^(?:DEM|DET) (?:BE )?(?:all )?{_VERY}qhard{_END}", rf"^(?:DEM|DET) BE ME {_VERY}qhard", rf"{_SELF}BE {_VERY}qslow",
        rf"{_HAVE}qslow", rf"{_SELF}vind DEM {_VERY}qhard",
    ),
    "reading": (
        rf"{_SELF}BE {_VERY}qilli", rf"{_HAVE}qilli", rf"^{_VERY}qilli$", rf"{_SELF}CAN {_VERY}(?:NOT|qtrou|qbad) {_VERY}qread(?: (?:&|of|or|GOOD|qread|very|well))*$",
        rf"{_HAVE}qtrou {_VERY}qread",
    ),
    "memory": (
        rf"{_SELF}BE {_VERY}qdem", rf"{_HAVE}qdem", rf"{_SELF}qforg {_VERY}qnil", rf"^MY qmem (?:BE|GO|[a-z]+) {_VERY}(?:NOT|qbad)",
        rf"{_HAVE}qbad qmem", rf"{_HAVE}qtrou {_VERY}qmem",
    ),
    "language": (
        rf"^MY qtong BE {_VERY}(?:NOT|qbad)", rf"{_SELF}(?:SPEAK|qgrasp) {_VERY}(?:NOT |qbad |maar )+{_VERY}(?:little )?qtong",
        rf"{_SELF}(?:SPEAK|qgrasp) {_VERY}(?:weinig|little) {_VERY}qtong", rf"{_SELF}(?:DO|CAN) NOT (?:SPEAK|qgrasp) (?:very |much |GOOD |HELP |veel )+qtong",
        rf"{_SELF}(?:DO|CAN) NOT (?:SPEAK|qgrasp) {_VERY}qtong (?:that |SOFT )*(?:very|well|GOOD|much)",
        rf"{_HAVE}qtrou {_VERY}qtong",
    ),
    "computer": (
        rf"{_SELF}BE NOT {_VERY}(?:handig|good|GOOD|thuis|into)? ?(?:PREP |DET )*qcomp", rf"{_SELF}(?:DO (?:NOT )?)?HAVE (?:NO|NOT) (?:DET )?qcomp",
        rf"{_SELF}DO NOT HAVE {_VERY}qcomp", rf"{_SELF}BE {_VERY}NOT (?:so )?GOOD PREP qcomp", rf"{_SELF}(?:SPEAK|know|weet) qnil (?:PREP|LOC|about|ABOUT) qcomp",
    ),
}  # fmt: skip
