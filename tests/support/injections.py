"""Three hundred names that would be more than a name to somebody: to SQL, Flux, InfluxQL, PromQL, tag expressions, line protocol, JSON,
patterns; and files, addresses and headers.

Owns the list; knows no store and no route. The device that nobody may reach by them is called NEIGHBOUR.
"""

from typing import Final

NEIGHBOUR: Final = "neighbour"
_SIGNS: Final = (
    # SQL
    "'; DROP TABLE readings; --", "' OR '1'='1", "' OR 1=1 --", "') OR ('1'='1", "' UNION SELECT * FROM readings --",
    "'; ATTACH '/etc/passwd' AS x; --", "'; COPY readings TO '/tmp/x'; --", "'||(SELECT device FROM series LIMIT 1)||'",
    "'; PRAGMA database_list; --", "x'; INSTALL httpfs; LOAD httpfs; --", "' OR device LIKE '%", "%' ESCAPE '", "1; DELETE FROM series",
    "'/**/OR/**/1=1#", "read_csv('/etc/passwd')", "$1", "?", ":name", "E'\\x27'", "\\'; DROP TABLE series; --",
    # Flux
    '") |> drop(columns: ["_value"]) //', '" or true or r.device == "', "${r._value}", '"; option task = {name: "x"}',
    '") |> yield(name: "x") //',
    '") |> to(bucket: "x") //', '" and r._measurement == "tributary_cursor', 'import "http"', '"\n|> range(start: 0)\n//',
    "r._value == 1) or (true",
    'r["device"]', '" != "', "=~ /.*/", '\\") |> limit(n: 9) //', "|> from(bucket: v.bucket)",
    # InfluxQL
    '" FROM /.*/ --', "'; DROP MEASUREMENT readings", "'; SHOW MEASUREMENTS", "' OR time > 0", '"."readings', "/.*/", "' OR device =~ /.*/",
    # PromQL and MetricsQL
    '"} or {__name__=~".+"}', '"} or vector(1) #', 'x"}[1h]) or up{a="', "{__name__!=''}", '",device=~".*', '"} or on() {x="',
    '", device!="x',
    'sum({__name__=~".+"})', '"}[10y:1s] #', '\\"} or up{x=\\"', "`} or up{x=`", "$__interval", "__name__", "le",
    # tag expressions and what a page puts in the place of a variable
    "name=neighbour", "name=*", "name=pump or name=neighbour", "not name=pump", "name!=pump", ") or (name=*", "pump) or (name=neighbour",
    "name=pump,name=neighbour", "$device", "{{device}}", "%24%7Bdevice%7D", "neighbour&device=neighbour", "neighbour#", "neighbour?x",
    "neighbour/..",
    # line protocol and CSV
    "readings,device=neighbour num=1 1", "x num=1 1\nreadings,device=neighbour num=2", "a,b=c d", "=", ",", " ", "#", "\\", "ends\\",
    "two\\\\",
    '"', "'", "line\nbreak", "carriage\rreturn", "tab\t", "nul\x00", "\x7f",
    # JSON and patterns
    '{"$ne": null}', '["neighbour"]', '","device":"neighbour', ".*", "*", "[a-z]+", "(a+)+$", "n?ighbour", "neighbou_", "n%", "(", "[",
    "a|neighbour",
    # files, addresses, headers, shells
    "../neighbour", "..%2fneighbour", "..\\neighbour", "/etc/passwd", "file:///etc/passwd", "http://169.254.169.254/", "x\r\nX-Evil: 1",
    "%0d%0aSet-Cookie: a=b", "$(id)", "`id`", "; id", "| id", "&& id", "%s%n%x", "{0.__class__}", "${jndi:ldap://127.0.0.1/x}",
)  # fmt: skip
_FORMS: Final = ("{}", "pump{}", "{} --")
INJECTIONS: Final = tuple(form.replace("{}", sign, 1) for form in _FORMS for sign in _SIGNS)[:330]
