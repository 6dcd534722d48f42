"""How the HTTP API describes itself: the convention for routes, the words of its refusals, and the OpenAPI document.

Owns no route. convention.py says what a new route has to do; document.py adds what follows from its gate, parameters and body.
"""
