"""The shapes of answers, as the API describes them (hub/web/openapi/convention.py).

Owns descriptions and examples; the routes beside this folder make the answers, and tests compare the two.
"""
