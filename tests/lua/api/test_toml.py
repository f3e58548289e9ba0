"""TOML in scripts."""


def test_a_document_becomes_a_table(lua):
    assert lua("""
      local t = TOML.decode([[
        name = "x"
        list = [1, 2.5, true]
        when = 1979-05-27T07:32:00Z
        [inner]
        empty = []
      ]])
      print(t.name, t.list[1], t.list[2], t.list[3], t.when, #t.inner.empty)
      print(JSON.encode(t.inner))
    """) == ["x\t1\t2.5\ttrue\t1979-05-27T07:32:00+00:00\t0", '{"empty":[]}']


def test_what_is_no_toml_says_where(lua):
    out = lua("local ok, err = pcall(TOML.decode, 'a = ') print(ok, err.type, err)")
    assert out[0].startswith("false\tinvalid_request\t")
    assert "line 1, column" in out[0] or "at end of document" in out[0]
    assert "takes a text, not a number" in lua("print(select(2, pcall(TOML.decode, 5)))")[0]
