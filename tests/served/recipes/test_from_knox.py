"""`docs/from-knox.md`: a knox token is worth one login of djwto."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.served.recipes.project import REST_VIEW, Project, served

TOKENS = """
from knox.models import AuthToken
from pathlib import Path

texts = [AuthToken.objects.create(alice)[1] for _ in range(3)]
gone = User.objects.create_user("gone", is_active=False)
texts.append(AuthToken.objects.create(gone)[1])
Path("tokens.txt").write_text("\\n".join(texts))
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    folder = tmp_path_factory.mktemp("knox")
    with served("from-knox", folder, script=TOKENS, urls=REST_VIEW) as project:
        yield project


@pytest.fixture(scope="module")
def texts(project: Project) -> list[str]:
    return Path(project.folder / "tokens.txt").read_text().split()


def test_a_knox_token_is_swapped_once(project: Project, texts: list[str]) -> None:
    with project.visitor() as visitor:
        visitor.carry(texts[0], "Token")
        swapped = visitor.post("/swap/")
        assert swapped.status_code == 200, swapped.text
        assert swapped.headers["Cache-Control"] == "no-store"
        assert visitor.post("/swap/").status_code == 401
        visitor.carry(swapped.json()["access"])
        assert visitor.post("/validate_access/").json() == {"msg": "Token is valid"}
        # A token of djwto buys no second session.
        assert visitor.post("/swap/").status_code == 401


def test_of_two_at_once_one_is_logged_in(project: Project, texts: list[str]) -> None:
    def swap(_number: int) -> int:
        with project.visitor() as visitor:
            visitor.carry(texts[1], "Token")
            return visitor.post("/swap/").status_code

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(swap, range(4))) == [200, 401, 401, 401]


def test_an_inactive_user_and_a_stranger_get_nothing(project: Project, texts: list[str]) -> None:
    with project.visitor() as visitor:
        assert visitor.post("/swap/").status_code == 401
        for text in (texts[3], "0" * 64):
            visitor.carry(text, "Token")
            assert visitor.post("/swap/").status_code == 401


def test_views_take_both(project: Project, texts: list[str]) -> None:
    with project.visitor() as visitor:
        visitor.carry(texts[2], "Token")
        assert visitor.get("/whoami/").json() == {"name": "alice"}
        visitor.carry(visitor.post("/swap/").json()["access"])
        assert visitor.get("/whoami/").json() == {"name": "alice"}
        visitor.carry(None)
        refused = visitor.get("/whoami/")
        assert refused.status_code == 401
        assert refused.headers["WWW-Authenticate"].startswith("Bearer")
