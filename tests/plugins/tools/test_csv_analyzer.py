"""csv-analyzer."""

import pytest

from llmspell.errors import InvalidRequest

STAFF = "name,age,city\nAlice,30,New York\nBob,25,San Francisco\nCharlie,35,Chicago\n"


@pytest.fixture
def work(call):
    def work(operation, text=STAFF, **options):
        arguments = {"operation": operation, "input": text} | ({"options": options} if options else {})
        return call("csv-analyzer", arguments)

    return work


def test_analyze(work):
    assert work("analyze", "name,age,note\nAlice,30,\nBob,25,\nAlice,35.5,\n") == {
        "row_count": 3,
        "column_count": 3,
        "columns": [
            {
                "name": "name",
                "type": "text",
                "empty": 0,
                "distinct": 2,
                "most_common": [{"value": "Alice", "count": 2}, {"value": "Bob", "count": 1}],
            },
            {
                "name": "age",
                "type": "number",
                "empty": 0,
                "distinct": 3,
                "min": 25,
                "max": 35.5,
                "sum": 90.5,
                "mean": 30.16666667,
                "median": 30,
                "stdev": 4.288226777,
            },
            {"name": "note", "type": "empty", "empty": 3},
        ],
    }


def test_whole_numbers(work):
    (column,) = work("analyze", "n\n1\n2\n\n3\n")["columns"]
    assert (column["type"], column["sum"], column["mean"]) == ("integer", 6, 2)


@pytest.mark.parametrize("cell", ["007", "+49", "1e999", "NaN", "true", "1,5", "0x1", "٣", "12 kg", "--1"])
def test_what_is_no_number_stays_a_text(work, cell):
    assert work("analyze", f"n|m\n{cell}|1\n")["columns"][0]["type"] == "text"
    assert work("convert", f"n|m\n{cell}|1\n", format="json")["output"] == [{"n": cell, "m": 1}]


@pytest.mark.parametrize(
    ("format", "output"),
    [
        ("json", [{"a": 1, "b": "x|y"}, {"a": None, "b": None}]),
        ("csv", "a,b\n1,x|y\n,\n"),
        ("tsv", "a\tb\n1\tx|y\n\t\n"),
        ("markdown", "| a | b |\n| --- | --- |\n| 1 | x\\|y |\n|  |  |\n"),
    ],
)
def test_convert(work, format, output):
    assert work("convert", "a;b\n1;x|y\n;\n", format=format) == {"output": output}


def test_quotes_line_breaks_and_a_byte_order_mark(work):
    text = '\ufeffname,quote\r\n"Doe, Jane","He said ""no"",\nand left"\r\n'
    (row,) = work("convert", text)["output"]
    assert row == {"name": "Doe, Jane", "quote": 'He said "no",\nand left'}
    assert work("convert", work("convert", text, format="csv")["output"])["output"] == [row]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(work, delimiter):
    assert work("convert", f"first name{delimiter}b\n1{delimiter}2")["output"] == [{"first name": 1, "b": 2}]


def test_delimiter_and_header_can_be_said(work):
    assert work("convert", "a:b\n1:2", delimiter=":")["output"] == [{"a": 1, "b": 2}]
    assert work("convert", "1,2\n3,4", header=False)["output"] == [
        {"column_1": 1, "column_2": 2},
        {"column_1": 3, "column_2": 4},
    ]


@pytest.mark.parametrize(
    ("filter", "names"),
    [
        ("age > 30", ["Charlie"]),
        ("age >= 30", ["Alice", "Charlie"]),
        ("age<30", ["Bob"]),
        ("AGE <= 30.0", ["Alice", "Bob"]),
        ("city == Chicago", ["Charlie"]),
        ("city = 'New York'", ["Alice"]),
        ("age != 25", ["Alice", "Charlie"]),
        ("city contains FRAN", ["Bob"]),
        ("city starts_with New", ["Alice"]),
        ("city ends_with o", ["Bob", "Charlie"]),
        ("age > 20 and city contains c and name != Bob", ["Charlie"]),
        ("`name` == \"Bob\"", ["Bob"]),
        ("age > old", []),
    ],
)  # fmt: skip
def test_filter(work, filter, names):
    answer = work("filter", filter=filter)
    lines = answer["output"].splitlines()
    assert lines[0] == "name,age,city"
    assert [line.split(",")[0] for line in lines[1:]] == names
    assert answer["row_count"] == len(names)


def test_columns_with_spaces_and_values_with_and(work):
    text = "unit price,unit,made by\n5,kg,Smith and Sons\n9,kg,Jones\n"
    assert work("filter", text, filter="unit price > 6")["row_count"] == 1
    assert work("filter", text, filter="made by = Smith and Sons and unit = kg")["row_count"] == 1


def test_an_empty_cell_is_neither_more_nor_less(work):
    assert work("filter", "a,b\n,1\n0,2\nx,3", filter="a < 5")["output"] == "a,b\n0,2\n"
    assert work("filter", "a,b\n,1\n0,2", filter="a == ''")["row_count"] == 1


@pytest.mark.parametrize(
    ("options", "output"),
    [
        ({"select": ["city", "name"]}, "city,name\nNew York,Alice\nSan Francisco,Bob\nChicago,Charlie\n"),
        ({"select": ["age"], "rename": {"age": "years"}}, "years\n30\n25\n35\n"),
        ({"sort_by": "age", "select": ["name"]}, "name\nBob\nAlice\nCharlie\n"),
        ({"sort_by": "name", "descending": True, "limit": 1}, "name,age,city\nCharlie,35,Chicago\n"),
        ({"limit": 0}, "name,age,city\n"),
    ],
)
def test_transform(work, options, output):
    answer = work("transform", **options)
    assert answer == {"output": output, "row_count": output.count("\n") - 1}


def test_numbers_sort_as_numbers_and_empty_cells_come_last(work):
    text = "n\n10\n\n9\nx\n"
    text = text.replace("\n\n", '\n""\n')
    assert work("transform", text, sort_by="n")["output"] == 'n\n9\n10\nx\n""\n'
    assert work("transform", text, sort_by="n", descending=True)["output"] == 'n\nx\n10\n9\n""\n'


def test_unique_keeps_the_first(work):
    assert work("transform", "a,b\n1,x\n1,y\n1,x\n", unique=["a"])["output"] == "a,b\n1,x\n"
    assert work("transform", "a,b\n1,x\n1,y\n1,x\n", unique=[])["output"] == "a,b\n1,x\n1,y\n"


def test_sample(work):
    text = "n\n" + "\n".join(map(str, range(100)))
    assert work("sample", text)["output"] == "n\n" + "".join(f"{n}\n" for n in range(10))
    assert work("sample", text, size=2, method="last")["output"] == "n\n98\n99\n"
    first, again = (work("sample", text, size=5, method="random") for _ in range(2))
    assert first == again and first["row_count"] == 5
    assert work("sample", text, size=5, method="random", seed=1) != first
    assert work("sample", text, size=500, method="random")["row_count"] == 100


def test_validate(work):
    assert work("validate") == {"valid": True, "error_count": 0, "errors": [], "row_count": 3}
    answer = work("validate", "id,id,\n1,2,3,4\n1\n", required=["id"], unique=["id"], types={"id": "text"})
    assert answer["errors"] == [
        "the column 'id' is there 2 times",
        "column 3 has no name",
        "row 1 has 4 cells, not 3",
        "row 2 has 1 cells, not 3",
        "row 2: 'id' is '1' again",
    ]
    answer = work("validate", "a,b\n1,x\n1.5,\n", required=["b"], types={"a": "integer", "b": "number"})
    assert answer["errors"] == [
        "row 2: 'b' is empty",
        "row 2: 'a' is '1.5', not integer",
        "row 1: 'b' is 'x', not number",
    ]
    assert answer["valid"] is False


def test_the_number_of_errors_is_bounded(work):
    answer = work("validate", "a,b\n" + "1\n" * 1000)
    assert (answer["error_count"], len(answer["errors"])) == (1000, 50)


@pytest.mark.parametrize(
    ("operation", "text", "options", "message"),
    [
        ("analyze", "", {}, "input is empty"),
        ("analyze", "\n\n", {}, "input is empty"),
        ("analyze", 'a,b\n"1,2\n', {}, "not CSV"),
        ("analyze", "a\n" + "x" * 200_000, {}, "not CSV: field larger"),
        ("analyze", "x" * 20_000_001, {}, "works on up to"),
        ("analyze", STAFF, {"delimiter": "::"}, "not one character"),
        ("filter", STAFF, {}, "filter needs options.filter"),
        ("filter", STAFF, {"filter": "height > 3"}, "not a condition on a column"),
        ("filter", STAFF, {"filter": "age"}, "not a condition on a column"),
        ("filter", STAFF, {"filter": "x and age > 3"}, "not a condition on a column"),
        ("transform", STAFF, {"select": ["height"]}, "no column 'height'"),
        ("transform", STAFF, {"rename": {"height": "h"}}, "no column 'height'"),
        ("transform", STAFF, {"sort_by": "height"}, "no column 'height'"),
        ("validate", STAFF, {"required": ["height"]}, "no column 'height'"),
        ("sample", STAFF, {"size": 0}, "not a number of rows"),
    ],
)
def test_what_is_wrong(work, operation, text, options, message):
    with pytest.raises(InvalidRequest) as caught:
        work(operation, text, **options)
    assert message in caught.value.message


@pytest.mark.parametrize("operation", ["analyze", "filter"])
def test_ten_megabytes(work, operation):
    text = "id,name,price\n" + "12345,a name of twenty chars,19.99\n" * 290_000
    answer = work(operation, text, **({"filter": "price > 100"} if operation == "filter" else {}))
    assert answer.get("row_count", 0) in (0, 290_000)
