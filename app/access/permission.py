"""Holding what somebody wants to do against what they may."""

from app.access.callers import Caller, Role
from app.sweep.errors import FieldError, ForbiddenError, InvalidDocumentError


def hold(caller: Caller, role: Role, project: str | None) -> None:
    """Pass when the caller has the role in the project.

    Raises:
        ForbiddenError: they have not.
    """
    if caller.may(role, project):
        return
    have = caller.role_in(project)
    where = f"in the project {project!r}" if project else "for what belongs to no project"
    raise ForbiddenError(
        f"This takes the role {role} {where}; {caller.name!r} "
        + (f"has the role {have}." if have else "has none there.")
    )


def hold_somewhere(caller: Caller, role: Role) -> None:
    """Pass when the caller has the role in some project.

    Raises:
        ForbiddenError: they have not.
    """
    if not caller.may_somewhere(role):
        raise ForbiddenError(f"This takes the role {role}, which {caller.name!r} has nowhere.")


def home(caller: Caller, named: str | None, *, pointer: str) -> str | None:
    """The project of something new: the one that was named, or the only one that there can be.

    Args:
        caller: who makes it.
        named: the project that they name, if they do.
        pointer: JSON pointer to where it is named.

    Raises:
        InvalidDocumentError: none was named and there are several.
        ForbiddenError: the caller may make nothing there.
    """
    if named is None and caller.projects is not None:
        own = caller.projects_as(Role.OPERATOR)
        if len(own) > 1:
            fault = FieldError(
                pointer=pointer, message=f"name the project, one of: {', '.join(own)}"
            )
            raise InvalidDocumentError([fault])
        named = own[0] if own else None
        if named is None:
            hold_somewhere(caller, Role.OPERATOR)
    hold(caller, Role.OPERATOR, named)
    return named
