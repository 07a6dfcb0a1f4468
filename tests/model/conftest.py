"""The service that asks who calls, as the tests of identity have it."""

from tests.identity.conftest import guarded

__all__ = ["guarded"]
