"""Sheets of grades as learning platforms give them out, and final grades without a gradebook behind them."""

from autograder.deadlines import Lateness
from autograder.export.grades import FinalGrade
from autograder.marks import Mark, Marks
from autograder.results import Handin, Verdict

# Canvas: a manual posting line, columns that only Canvas writes, a test student, an excused one, quotes in a name.
CANVAS = (
    "\ufeffStudent,ID,SIS User ID,SIS Login ID,Section,Notes,Early exit (55021),Quiz 1 (55000),"
    "Current Score,Final Score\r\n"
    ",,,,,,Manual Posting,,,\r\n"
    "    Points Possible,,,,,,6,10,(read only),(read only)\r\n"
    '"Doe, Jane",1234,sis1234,jdoe,"A, B",,,7.50,75.0,20\r\n'
    '"O\'Neil, ""Bob""",1235,sis1235,bob@uni.edu,A,"=1+1",3,,75.0,\r\n'
    '"Müller, Zoë",1236,sis1236,zmueller,A,,4.0,8,80,30\r\n'
    '"Excused, Eve",1237,,eve,A,,EX,8,80,30\r\n'
    '"Missing, Mia",1238,,mia,A,,,8,80,30\r\n'
    '"Student, Test",9999,,a1b2,A,,,,,\r\n'
).encode()

MOODLE_ENGLISH = (
    '\ufeffIdentifier,"Full name","Email address",Status,Grade,"Maximum grade","Grade can be changed",'
    '"Last modified (submission)","Online text","Last modified (grade)","Feedback comments"\n'
    '"Participant 101","Jane Doe",jane@uni.edu,"Submitted for grading - ",,6.00,Yes,"Friday, 2 October 2026, 9:15 PM",'
    '"<p>See, my ""file""</p>\n<p>please</p>",-,\n'
    '"Participant 102","Zoë Müller",zoe@uni.edu,"Submitted for grading - Graded",3.50,6.00,Yes,'
    '"Friday, 2 October 2026, 9:15 PM",,"Monday, 5 October 2026, 8:00 AM","Well, done"\n'
    '"Participant 103","Mia Missing",mia@uni.edu,"No submission",,6.00,Yes,-,,-,\n'
).encode()

MOODLE_GERMAN = (
    'ID,"Vollständiger Name",E-Mail-Adresse,Status,Gruppe,Bewertung,Bestwertung,"Bewertung kann geändert werden",'
    '"Zuletzt geändert (Abgabe)","Zuletzt geändert (Bewertung)","Feedback als Kommentar"\n'
    'Teilnehmer/in101,"Jane Doe",jane@uni.edu,"Zur Bewertung abgegeben",G1,,"6,00",Ja,"2. Oktober 2026, 21:15",-,\n'
    'Teilnehmer/in102,"Zoë Müller",zoe@uni.edu,"Zur Bewertung abgegeben",G1,"3,50","6,00",Ja,'
    '"2. Oktober 2026, 21:15","5. Oktober 2026, 08:00",\n'
).encode()

MOODLE_SPANISH_BLIND = (
    '"Identificador";"Estado";"Calificación";"Calificación máxima";"La calificación puede ser cambiada";'
    '"Última modificación (entrega)";"Última modificación (calificación)";"Comentarios de retroalimentación"\r\n'
    '"Participante 101";"Enviado para calificar";"";"6,00";"Sí";"lunes, 5 de octubre de 2026, 10:00";"-";""\r\n'
    '"Participante 102";"Enviado para calificar";"";"6,00";"Sí";"lunes, 5 de octubre de 2026, 10:00";"-";""\r\n'
).encode()

BLACKBOARD_XLS = (
    '\ufeff"Last Name"\t"First Name"\t"Username"\t"Student ID"\t"Last Access"\t"Availability"\t'
    '"Early exit [Total Pts: 6 Score] |123456"\t"Quiz [Total Pts: 10 Score] |123457"\n'
    '"Doe"\t"Jane"\t"j_doe"\t"1001"\t"2026-10-02 21:15:00"\t"Yes"\t""\t"7"\n'
    '"Müller"\t"Zoë"\t"zoe@uni.edu"\t"1002"\t"2026-10-02 21:15:00"\t"Yes"\t"Needs Grading(1.00)"\t"8"\n'
    '"Missing"\t"Mia"\t"mia"\t"1003"\t""\t"Yes"\t""\t""\n'
).encode("utf-16-le")

BLACKBOARD_CSV = (
    '\ufeff"Last Name","First Name","Username","Student ID","Last Access","Availability",'
    '"Early exit [Total Pts: 6 Score] |123456","Grading Notes","Notes Format","Feedback to Learner","Feedback Format"\n'
    '"Doe","Jane","j_doe","1001","2026-10-02 21:15:00","Yes","","","","",""\n'
    '"Müller","Zoë","zoe@uni.edu","1002","2026-10-02 21:15:00","Yes","2.00","a note","HTML","Good","HTML"\n'
).encode()

GRADESCOPE = (
    b"First Name,Last Name,SID,Email,Sections,Total Score,Max Points,Status,Submission ID,Submission Time,"
    b'Lateness (H:M:S),View Count,Submission Count,1: mac_ratio (1.0 pts),"2: q_why, in words (5.0 pts)"\n'
    b"Jane,Doe,1001,jane@uni.edu,A,,6.0,Ungraded,111,2026-10-02 21:15:00 -0700,00:00:00,1,1,,\n"
    b"Zo,M,,zoe@uni.edu,A,1.0,6.0,Graded,112,2026-10-02 21:15:00 -0700,00:00:00,1,1,1.0,0.0\n"
)


def final(
    student: str,
    automatic: float | None = 4.0,
    by_hand: float | None = 1.5,
    *,
    waits: bool = False,
    handin: Handin | None = None,
    verdict: Verdict = Verdict.OK,
    lateness: Lateness | None = None,
    comment: str = "",
) -> FinalGrade:
    """A grade out of 6: a task of 4 points, and an answer of 2 that a person grades."""
    task = Mark("mac_ratio", False, 4.0, automatic)
    words = Mark("q_why", True, 2.0, None, by_hand, 0.0, waits or by_hand is None, comment)
    return FinalGrade(student, "", handin, verdict, Marks(student, (task, words)), lateness)


def by(platform: str, id: str, name: str = "", **more: str) -> Handin:
    """A hand-in that came through a platform."""
    return Handin(platform, name, id, False, **more)
