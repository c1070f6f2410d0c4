"""A GraphQL request -> bytes: plan cache, one statement, and PostgreSQL's JSON passed through as it is.

The fast path never decodes an answer. Only an operation that mixes introspection with data is run through
graphql-core, over the answer that PostgreSQL has built.
"""

from __future__ import annotations

import asyncio
import logging
import math
import uuid
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache, partial
from inspect import isawaitable
from typing import Any, NamedTuple, NoReturn, ParamSpec, TypeVar

import orjson
import strawberry
from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    NamedTypeNode,
    NameNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    StringValueNode,
    execute,
    execute_sync,
    get_variable_values,
    parse,
    validate,
)

from schema.arguments import Structural, are_surely_valid, inputs_of, shape_of, variable_types
from schema.cache import Cache
from schema.callers import Caller, Spent
from schema.compile import Statement, compile_plan
from schema.cost import LARGE_TABLES, Bill, dry_run
from schema.mutations import Curating
from schema.plan import Plan
from schema.planner import Planner
from twin.database import City, Overloaded, Reader, Refused, Unreachable
from twin.errors import BadRequest, TwinFault
from twin.settings import Settings

log = logging.getLogger(__name__)
T = TypeVar("T")
P = ParamSpec("P")

#: what the caches may hold: characters of documents (a parsed one takes some 130 bytes for each),
#: bytes of SQL; one entry takes a tenth at most
_DOCUMENT_CHARACTERS = 500_000
_PLAN_BYTES = 8_000_000
#: validation takes up to 0.2 ms a token
_TOKENS = 5_000
#: a document of more characters is validated in a thread, so that others are served meanwhile: to compare
#: its fields with each other takes up to 15 ms for so many, and then grows by the square
_LONG_DOCUMENT = 500
#: one of more fields is compiled there, too: each may take 0.5 ms
_MANY_FIELDS = 30
#: who sums up so many records takes others' time
_MANY = 5_000
#: of the caller's budget over time: PostgreSQL plans the statement, which takes it some milliseconds
_DRY_RUN_COST = 100
_OPENING, _CLOSING = b'{"data":', b"}"


class Answer(NamedTuple):
    """The body of a response in pieces, and whether the request could be carried out at all.

    What PostgreSQL has made is one of the pieces: it may be long, and is not copied to put it together.
    """

    pieces: tuple[bytes, ...]
    status: int = 200
    lasting: bool = False  #: whether the same question has the same answer until the data change
    retry_after_s: int | None = None  #: where the server has too much to do: when to ask again

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)


def _telling(told: Any, status: int = 200, retry_after_s: int | None = None) -> Answer:
    return Answer((orjson.dumps(told),), status, retry_after_s=retry_after_s)


class Invalid(Exception):
    """A document or variables that are not valid, with all that is wrong."""

    def __init__(self, errors: list[GraphQLError]) -> None:
        super().__init__(errors[0].message)
        self.errors = errors


@dataclass
class Operation:
    """One operation of a document, with what is known of the plans that it has had."""

    name: str | None
    node: OperationDefinitionNode
    types: dict[str, GraphQLInputType]
    inputs: dict[str, GraphQLInputObjectType | None]
    introspects: bool
    structural: list[Structural] = field(default_factory=list)

    def learn(self, found: list[Structural]) -> None:
        known = {structural.leaf for structural in self.structural}
        for structural in found:
            if structural.leaf not in known:
                self.structural.append(structural)
                known.add(structural.leaf)

    def key(self, variables: Mapping[str, Any]) -> Hashable:
        return tuple([_structural_value(structural, variables) for structural in self.structural])


@dataclass(frozen=True)
class Document:
    """A parsed document with its operations by name, or what is wrong with it."""

    ast: DocumentNode
    operations: dict[str | None, Operation]
    errors: list[GraphQLError]
    fields: int = 0  #: how many it asks for, those of a fragment wherever it is spread
    #: the names of its mutations, and None where it is nothing but one
    mutations: frozenset[str | None] = frozenset()

    def mutates(self, operation_name: str | None) -> bool:
        """Whether it is a mutation that such a request means."""
        return bool(self.mutations) and operation_name in self.mutations


class Prepared(NamedTuple):
    """What one request asks: a valid document, which of its operations is meant, and the variables sent."""

    query: str
    document: Document
    operation: Operation
    variables: dict[str, Any]

    def key(self, city: City) -> Hashable:
        """What its statement is kept under: nothing else that a request says decides the SQL."""
        operation = self.operation
        shape = shape_of(self.variables, operation.inputs) if operation.inputs else None
        return city.name, self.query, operation.name, shape, operation.key(self.variables)


class Engine:
    """Answers GraphQL requests of one server process."""

    def __init__(self, schema: strawberry.Schema, settings: Settings) -> None:
        self.schema: GraphQLSchema = schema._schema
        self.settings = settings
        self.anybody = Caller(settings.cost_budget)
        self._documents: Cache[Document] = Cache(_DOCUMENT_CHARACTERS)
        self._plans: Cache[Statement] = Cache(_PLAN_BYTES)
        # one, so that long documents take at most half of the time from everybody else
        self._thread = ThreadPoolExecutor(1, "documents")
        self._turn = asyncio.Lock()  #: of the short ones
        self._unseen = 0  #: documents that are being validated or compiled, or wait for it

    async def answer(
        self,
        reader: Reader,
        city: City,
        query: str,
        variables: Mapping[str, Any] | None = None,
        operation_name: str | None = None,
    ) -> Answer:
        """Carry out one query; whatever goes wrong becomes a GraphQL error, never an exception."""
        try:
            asked = await self.prepared(reader, query, variables, operation_name)
        except Exception as wrong:
            return self.failure(wrong)
        return await self.carry_out(reader, city, asked, self.anybody)

    async def carry_out(
        self, reader: Reader, city: City, asked: Prepared, caller: Caller, *, tell_cost: bool = False
    ) -> Answer:
        """The answer to a query; whatever goes wrong becomes a GraphQL error, never an exception.

        With `tell_cost` the answer says under extensions what it may have cost.
        """
        try:
            statement = await self._statement(reader, city, asked, caller)
            if caller.bucket is not None:
                caller.bucket.take(statement.bill.cost)
            data = await self._fetch(reader, statement, asked.variables)
            if asked.operation.introspects:
                data = (self._with_introspection(b"".join(data), asked),)
            closing = _CLOSING if not tell_cost else _extended("cost", statement.bill.told(caller.budget))
            # what it may cost is compared with who asks
            return Answer((_OPENING, *data, closing), lasting=statement.lasting and not tell_cost)
        except Exception as wrong:
            return self.failure(wrong)

    async def explain(self, reader: Reader, city: City, asked: Prepared, caller: Caller) -> Answer:
        """What a query would take, without running it: see cost.dry_run. What is wrong is an error."""
        try:
            statement = await self._statement(reader, city, asked, None)
            if caller.bucket is not None:
                caller.bucket.take(_DRY_RUN_COST)
            refusal = None
            try:
                self._check(statement.bill, caller)
            except BadRequest as refused:
                refusal = str(refused)
            values = statement.values(asked.variables)
            if statement.expected:
                # PostgreSQL leaves out what is not asked for of a subquery: the answer
                only = b"SELECT missing FROM (" + statement.sql + b") AS whole"
                (missing,) = await reader.fetch(only, values, prepare=False)
                if missing is not None:
                    _refuse_missing(statement, missing, asked.variables)
            explained, *_ = await reader.fetch(_EXPLAIN + statement.sql, values, prepare=False)
            large, *_ = await reader.fetch(LARGE_TABLES, [city.name.encode()])
            told = dry_run(
                statement.bill,
                refusal,
                caller.budget,
                orjson.loads(explained or b""),
                orjson.loads(large or b""),
            )
            return Answer((_OPENING, b"null", _extended("dryRun", told)))
        except Exception as wrong:
            return self.failure(wrong)

    async def prepared(
        self,
        reader: Reader,
        query: str,
        variables: Mapping[str, Any] | None,
        operation_name: str | None,
        *,
        mutating: Callable[[], object] = lambda: None,
    ) -> Prepared:
        """A request with a valid document and valid variables.

        `mutating` is called where it is a mutation, valid or not, and may raise. Raises Invalid, BadRequest
        where it is not said which operation is meant, Overloaded.
        """
        document = await self._read(reader, query)
        if document.mutates(operation_name):
            mutating()
        if document.errors:
            raise Invalid(document.errors)
        operation, given = _chosen(document, operation_name), dict(variables or {})
        if not are_surely_valid(given, operation.node, operation.types):
            coerced = get_variable_values(self.schema, operation.node.variable_definitions or (), given)
            if isinstance(coerced, list):
                raise Invalid(coerced)
        return Prepared(query, document, operation, given)

    def failure(self, wrong: Exception) -> Answer:
        """What the caller is told of an exception that is being handled; of our faults only a number."""
        match wrong:
            case Invalid():
                return _errors(wrong.errors)
            case BadRequest():
                return _errors([_as_graphql(wrong)])
            case GraphQLError():
                return _errors([wrong])
            case Refused():
                return self._refused(wrong)
            case Overloaded():
                error = {"message": str(wrong), "extensions": {"code": "OVERLOADED"}}
                return _telling({"errors": [error]}, 503, wrong.retry_after_s)
            case Spent():
                error = {"message": str(wrong), "extensions": {"code": "RATE_LIMITED"}}
                return _telling({"errors": [error]}, 429, wrong.retry_after_s)
            case Unreachable():
                return _unreachable(wrong)
            case RecursionError():
                return _errors([_as_graphql(BadRequest("the request is nested too deeply"))])
        return _incident("a request failed")

    async def mutate(self, reader: Reader, url: str, city: City, author: str, asked: Prepared) -> Answer:
        """Carry out a mutation for somebody who may; what fails of it is told beside what does not."""
        _, document, operation, given = asked

        def planned(key: str, nodes: list[FieldNode]) -> Plan:
            reading = _reading(operation.node, key, nodes)
            plan = Planner(self.schema, document.ast, reading, given, self.settings, typed=True).plan()
            self._check(plan.bill, self.anybody)
            return plan

        def check(nodes: list[FieldNode]) -> None:
            payload = self.schema.type_map["DecisionPayload"]
            assert isinstance(payload, GraphQLObjectType)
            planner = Planner(self.schema, document.ast, operation.node, given, self.settings)
            below = [node.selection_set for node in nodes if node.selection_set]
            for _, fields in planner.collected(payload, below):
                if fields[0].name.value == "link":
                    planned(_ANY_LINK, fields)

        async def read(key: str, nodes: list[FieldNode]) -> Any:
            statement = compile_plan(planned(key, nodes), city)
            return orjson.loads(b"".join(await self._fetch(reader, statement, given)))[_READ]

        curating = Curating(url, city, author, check, read)
        result = execute(self.schema, document.ast, None, curating, given, operation.name)
        if isawaitable(result):
            result = await result
        body: dict[str, Any] = {} if result.data is None else {"data": result.data}
        if result.errors:
            body["errors"] = [_told(error) for error in result.errors]
        return _telling(body, 200 if "data" in body else 400)

    def statement(self, city: City, query: str, variables: Mapping[str, Any] | None = None) -> Statement:
        """The statement that a query becomes: for tests and for EXPLAIN. Raises what is wrong with it."""
        document = self._document(query)
        if document.errors:
            raise document.errors[0]
        asked = Prepared(query, document, _chosen(document, None), dict(variables or {}))
        return self._compiled(city, asked, self.anybody)

    def _check(self, bill: Bill, caller: Caller) -> None:
        bill.check(self.settings.rows_ceiling, caller.budget)

    async def _fetch(
        self, reader: Reader, statement: Statement, variables: Mapping[str, Any]
    ) -> tuple[bytes, ...]:
        row = await reader.fetch(
            statement.sql,
            statement.values(variables),
            prepare=not statement.wants_own_plan(variables),
            sums=statement.bill.summed >= _MANY,
        )
        if len(row) > 1 and row[1] is not None:
            _refuse_missing(statement, row[1], variables)
        if row[0] is None and statement.otherwise is not None:
            return await self._fetch(reader, statement.otherwise(), variables)
        return statement.opening, row[0] or b"null", statement.closing

    async def _read(self, reader: Reader, query: str) -> Document:
        found = self._documents.get(query)
        if found is not None:
            return found
        return await self._one_by_one(reader, len(query) > _LONG_DOCUMENT, self._document, query)

    async def compiled(
        self,
        reader: Reader,
        document: Document,
        work: Callable[P, Statement],
        *given: P.args,
        **named: P.kwargs,
    ) -> Statement:
        """The statement that `work` makes of a document. Raises what is wrong with it, and Overloaded."""
        return await self._one_by_one(reader, document.fields > _MANY_FIELDS, work, *given, **named)

    async def _one_by_one(
        self, reader: Reader, large: bool, work: Callable[P, T], *given: P.args, **named: P.kwargs
    ) -> T:
        """The work that a document makes which was not seen before; others are answered in between.

        What is large is done in a thread. Overloaded at once where as many wait for this, and for the reader,
        as may wait for that alone, or when it stays busy.
        """
        reader.admit(beside=max(self._unseen - 1, 0))
        patience_s = self.settings.waiting_timeout_s
        self._unseen += 1
        try:
            async with asyncio.timeout(patience_s):
                if large:
                    loop = asyncio.get_running_loop()
                    return await loop.run_in_executor(self._thread, partial(work, *given, **named))
                async with self._turn:
                    await asyncio.sleep(0)  # whoever asked meanwhile comes first
                    return work(*given, **named)
        except TimeoutError:
            raise Overloaded(math.ceil(patience_s)) from None
        finally:
            self._unseen -= 1

    def _document(self, query: str) -> Document:
        found = self._documents.get(query)
        if found is not None:
            return found
        try:
            ast = parse(query, max_tokens=_TOKENS)
            errors = validate(self.schema, ast, max_errors=20)
            fields = 0 if errors else _fields_of(ast)
        except GraphQLError as wrong:
            return Document(DocumentNode(definitions=()), {}, [wrong])
        except RecursionError:
            return Document(
                DocumentNode(definitions=()), {}, [GraphQLError("The document is nested too deeply.")]
            )
        operations = [
            Operation(
                definition.name.value if definition.name else None,
                definition,
                types := {} if errors else variable_types(self.schema, definition),
                inputs_of(types),
                not errors and _introspects(definition, ast),
            )
            for definition in ast.definitions
            if isinstance(definition, OperationDefinitionNode)
        ]
        mutations = {one.name for one in operations if one.node.operation is OperationType.MUTATION}
        if mutations and len(operations) == 1:
            mutations.add(None)
        document = Document(ast, {one.name: one for one in operations}, errors, fields, frozenset(mutations))
        self._documents.put(query, document, len(query))
        return document

    async def _statement(
        self, reader: Reader, city: City, asked: Prepared, caller: Caller | None
    ) -> Statement:
        """The statement of an operation; BadRequest where its caller, if any, may not spend so much."""
        found = self._plans.get(asked.key(city))
        if found is not None:
            if caller is not None:
                self._check(found.bill, caller)
            return found
        return await self.compiled(reader, asked.document, self._compiled, city, asked, caller)

    def _compiled(self, city: City, asked: Prepared, caller: Caller | None) -> Statement:
        query, document, operation, variables = asked
        planner = Planner(
            self.schema, document.ast, operation.node, variables, self.settings, typed=operation.introspects
        )
        plan = planner.plan()
        if caller is not None:
            self._check(plan.bill, caller)
        statement = compile_plan(plan, city)
        operation.learn(planner.arguments.structural)
        # its key holds the whole document, and its readings what the document says literally
        self._plans.put(asked.key(city), statement, len(statement.sql) + len(query))
        return statement

    def _with_introspection(self, data: bytes, asked: Prepared) -> bytes:
        result = execute_sync(
            self.schema,
            asked.document.ast,
            orjson.loads(data),
            variable_values=asked.variables,
            operation_name=asked.operation.name,
        )
        if result.errors:
            raise Invalid(result.errors)
        return orjson.dumps(result.data)

    def _refused(self, refused: Refused) -> Answer:
        if refused.sqlstate == "57014":
            wrong = BadRequest(
                f"the answer took longer than {self.settings.statement_timeout_s:g} s and was stopped: "
                "ask for fewer rows or a smaller area"
            )
            return _errors([_as_graphql(wrong)])
        if "Cannot find SRID" in refused.message:
            return _errors([_as_graphql(BadRequest("PostGIS does not know the CRS asked for", where="crs"))])
        if refused.sqlstate in ("22P02", "22003", "22007", "22008"):
            # a cursor or value of the wrong kind that only PostgreSQL could tell
            return _errors([_as_graphql(BadRequest("a value is not of the kind that its field holds"))])
        log.error("statement refused: %s", refused)
        return _incident("a statement was refused")


def _refuse_missing(statement: Statement, number: bytes, variables: Mapping[str, Any]) -> NoReturn:
    """BadRequest of an expected entity that is not there, by its number."""
    expected = statement.expected[int(number)]
    raise BadRequest(expected.told(variables), where=expected.where)


_EXPLAIN = b"EXPLAIN (FORMAT JSON) "


def _extended(name: str, told: Any) -> bytes:
    """The end of an answer that says something beside the data."""
    return b',"extensions":' + orjson.dumps({name: told}) + b"}"


#: the response key under which a mutation's link is read
_READ = "link"
#: stands for the link while it is only asked whether a selection of it can be answered
_ANY_LINK = "Link:any"


def _reading(operation: OperationDefinitionNode, key: str, nodes: list[FieldNode]) -> OperationDefinitionNode:
    """The query for a link of which a mutation asks what `nodes` select."""
    of_link = NamedTypeNode(name=NameNode(value="Link"))
    read = FieldNode(
        alias=NameNode(value=_READ),
        name=NameNode(value="node"),
        arguments=(ArgumentNode(name=NameNode(value="id"), value=StringValueNode(value=key)),),
        directives=(),
        selection_set=SelectionSetNode(
            selections=tuple(
                InlineFragmentNode(type_condition=of_link, directives=(), selection_set=node.selection_set)
                for node in nodes
                if node.selection_set
            )
        ),
    )
    return OperationDefinitionNode(
        operation=OperationType.QUERY,
        variable_definitions=operation.variable_definitions,
        directives=(),
        selection_set=SelectionSetNode(selections=(read,)),
    )


def _told(error: GraphQLError) -> Any:
    """An error of a mutation as the caller may see it: what they can mend as it is, of a fault its number."""
    cause = error.original_error
    if isinstance(cause, BadRequest):
        extensions = _as_graphql(cause).extensions
        return _formatted(GraphQLError(str(cause), error.nodes, path=error.path, extensions=extensions))
    if cause is None or isinstance(cause, GraphQLError):
        return _formatted(error)
    number = uuid.uuid4().hex[:12]
    log.error("a mutation failed, incident %s", number, exc_info=cause)
    return GraphQLError(
        f"the server failed; quote incident {number} when you report it",
        error.nodes, path=error.path, extensions={"code": "INTERNAL", "incident": number},
    ).formatted  # fmt: skip


def _chosen(document: Document, name: str | None) -> Operation:
    if name is not None:
        if name not in document.operations:
            raise BadRequest(f'there is no operation "{name}" in the document', where="operationName")
        return document.operations[name]
    if len(document.operations) != 1:
        raise BadRequest(
            f"the document has {len(document.operations)} operations; say which one to run",
            where="operationName",
        )
    return next(iter(document.operations.values()))


def _fields_of(ast: DocumentNode) -> int:
    """How many fields a valid document asks for, those of a fragment wherever it is spread."""
    fragments = {one.name.value: one for one in ast.definitions if isinstance(one, FragmentDefinitionNode)}

    @cache
    def of_fragment(name: str) -> int:
        return below(fragments[name].selection_set)

    def below(selected: SelectionSetNode | None) -> int:
        fields = 0
        for one in selected.selections if selected else ():
            if isinstance(one, FragmentSpreadNode):
                fields += of_fragment(one.name.value)
            elif isinstance(one, FieldNode | InlineFragmentNode):
                fields += isinstance(one, FieldNode) + below(one.selection_set)
        return fields

    operations = (one for one in ast.definitions if isinstance(one, OperationDefinitionNode))
    return sum(below(operation.selection_set) for operation in operations)


def _introspects(operation: OperationDefinitionNode, ast: DocumentNode) -> bool:
    if operation.operation != OperationType.QUERY:
        return False
    return any(_mentions_schema(definition) for definition in ast.definitions)


def _mentions_schema(node: Any) -> bool:
    if getattr(node, "kind", "") == "field" and node.name.value in ("__schema", "__type"):
        return True
    selections = getattr(getattr(node, "selection_set", None), "selections", ())
    return any(_mentions_schema(inner) for inner in selections)


def _structural_value(structural: Structural, variables: Mapping[str, Any]) -> Hashable:
    try:
        value = structural.of(structural.leaf.read(variables))
    except (KeyError, IndexError, TypeError, BadRequest):
        return None  # this shape of variables has no such part, or planning will say what is wrong
    return tuple(value) if isinstance(value, list) else value


def _as_graphql(wrong: BadRequest) -> GraphQLError:
    extensions: dict[str, Any] = {"code": "BAD_REQUEST"}
    if wrong.where:
        extensions["where"] = wrong.where
    return GraphQLError(str(wrong), extensions=extensions)


def _formatted(error: GraphQLError) -> Any:
    """An error as an answer shows it."""
    # what the caller sent may hold halves of surrogate pairs, which no UTF-8 answer can
    return {**error.formatted, "message": error.message.encode(errors="replace").decode()}


def _errors(errors: list[GraphQLError]) -> Answer:
    shown = []
    for error in errors:
        cause = error.original_error
        if isinstance(cause, BadRequest):
            error = GraphQLError(error.message, error.nodes, extensions=_as_graphql(cause).extensions)
        shown.append(_formatted(error))
    return _telling({"errors": shown}, 400)


def _unreachable(gone: Unreachable) -> Answer:
    log.error("the database does not answer: %s", gone)
    error = {"message": "the database does not answer; try again", "extensions": {"code": "UNAVAILABLE"}}
    return _telling({"errors": [error]}, 503)


def _incident(what: str) -> Answer:
    number = uuid.uuid4().hex[:12]
    log.exception("%s, incident %s", what, number)
    fault = TwinFault(f"the server failed; quote incident {number} when you report it")
    error = {"message": str(fault), "extensions": {"code": "INTERNAL", "incident": number}}
    return _telling({"errors": [error]}, 500)
