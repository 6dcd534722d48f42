"""Who somebody is: the administrator's credential, users with passwords, API tokens, one-time login links, web sessions.

Owns the drawing and checking of secrets; keeps only their hashes, in the state store. Devices' tokens are the registry's; who may do
what stands in core/actions.py. Asked by the door before an upgrade and by the API at each request.
"""

from hub.auth.account import Account
from hub.auth.auth import LINK_S, Auth
from hub.auth.cookies import COOKIE, session_of
from hub.auth.principal import Principal
from hub.auth.taking_in import AuthTakingIn
from hub.auth.web_sessions import SESSION_S
from hub.core.guessing import LockedOut

__all__ = ["COOKIE", "LINK_S", "SESSION_S", "Account", "Auth", "AuthTakingIn", "LockedOut", "Principal", "session_of"]
