"""What only a language model could answer: 501, with a detail that says so."""

from litestar import get, route
from litestar.exceptions import HTTPException


class NeedsModelError(HTTPException):
    """The answer would have to be written by a language model."""

    status_code = 501

    def __init__(self, what: str) -> None:
        super().__init__(
            detail=f"{what} are written by a language model, which mem0lite does not have. Search or export the "
            "memories instead."
        )


@route("/v1/summary", http_method=["POST"], include_in_schema=False)
async def hosted_summary() -> None:
    """Say that there are no summaries."""
    raise NeedsModelError("Summaries")


@route(["/v2/profiles/settings", "/v2/profiles/jobs"], http_method=["GET", "POST"], include_in_schema=False)
async def hosted_profiles() -> None:
    """Say that there are no profiles."""
    raise NeedsModelError("Profiles")


@get("/v2/profiles/jobs/{job_id:str}", include_in_schema=False)
async def hosted_profile_job() -> None:
    """Say that there are no profiles."""
    raise NeedsModelError("Profiles")


HANDLERS = (hosted_summary, hosted_profiles, hosted_profile_job)
