# ruff: noqa: D102 (the methods are System's)
"""The same memories in mem0lite and in its peers, for peers.py."""

import os
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from common import sentence

DIMENSIONS, CLUSTERS, PROJECTS, TOP_K = 384, 256, 10, 10
SINGLE_ADDS = 30
SEARCHED_USERS = 20
KINDS = ("scoped", "filtered", "unscoped")

os.environ |= {
    "ANONYMIZED_TELEMETRY": "False",  # chromadb
    "MEM0_TELEMETRY": "False",
    "HF_HUB_OFFLINE": "1",  # mem0ai would fetch a keyword model; without it, it searches by vectors alone
    "OPENAI_API_KEY": "unused",  # mem0ai insists on a language model, which infer=False never calls
}


@dataclass(frozen=True, slots=True)
class Query:
    """What is searched for, and the numbers of the ten nearest memories by kind of query."""

    number: int
    user: str
    project: str
    text: str
    vector: Any
    nearest: dict[str, frozenset[int]]


@dataclass(frozen=True, slots=True)
class Data:
    """Memories by number: arrays of shape (n,) and (n, DIMENSIONS), the last SINGLE_ADDS not loaded in batches."""

    users: Any
    projects: Any
    vectors: Any
    texts: Sequence[str]
    queries: Sequence[Query]

    @property
    def loaded(self) -> int:
        """How many are loaded in batches."""
        return len(self.texts) - SINGLE_ADDS

    def row(self, number: int) -> dict[str, Any]:
        """Return one memory without its vector."""
        return {
            "n": number,
            "user_id": self.user(number),
            "project_id": self.project(number),
            "text": self.texts[number],
        }

    def rows(self, numbers: Sequence[int]) -> list[dict[str, Any]]:
        """Return memories without their vectors."""
        return [self.row(number) for number in numbers]

    def user(self, number: int) -> str:
        """Return whose memory it is."""
        return f"u{self.users[number]}"

    def project(self, number: int) -> str:
        """Return the value of its metadata's ``project_id``."""
        return f"p{self.projects[number]}"


def make(size: int, users: int, queries: int) -> Data:
    """Return seeded data: a user's memories come from twenty of 256 clusters, and so do the questions."""
    generator = np.random.default_rng(7)
    words = random.Random(7)
    centers = unit(generator.standard_normal((CLUSTERS, DIMENSIONS), dtype=np.float32))
    topics = generator.integers(CLUSTERS, size=(users, 20))
    whose = generator.integers(users, size=size + SINGLE_ADDS)
    projects = generator.integers(PROJECTS, size=size + SINGLE_ADDS)
    vectors = near(centers[topics[whose, generator.integers(20, size=len(whose))]], generator)
    texts = [f"{sentence(words)} m{number}" for number in range(len(whose))]
    asking = np.arange(queries) % min(SEARCHED_USERS, users)
    asked = near(centers[topics[asking, generator.integers(20, size=queries)]], generator)
    wanted = generator.integers(PROJECTS, size=queries)
    made = []
    for number in range(queries):
        own = whose[:size] == asking[number]
        conditions = {"scoped": own, "filtered": own & (projects[:size] == wanted[number]), "unscoped": own | True}
        nearest = {kind: brute_force(vectors, condition, asked[number]) for kind, condition in conditions.items()}
        text = f"{sentence(words, 6)} q{number}"
        made.append(Query(number, f"u{asking[number]}", f"p{wanted[number]}", text, asked[number], nearest))
    return Data(whose, projects, vectors, texts, made)


def near(centers: Any, generator: Any) -> Any:
    """Return unit vectors around others, at a cosine of about 0.64; in parts, as a million take gigabytes."""
    for start in range(0, len(centers), 10_000):
        part = centers[start : start + 10_000]
        noise = generator.standard_normal(part.shape, dtype=np.float32) * np.float32(1.2 / DIMENSIONS**0.5)
        centers[start : start + 10_000] = unit(part + noise)
    return centers


def unit(vectors: Any) -> Any:
    """Return vectors of length 1."""
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def brute_force(vectors: Any, condition: Any, query: Any) -> frozenset[int]:
    """Return the numbers of the nearest memories that meet the condition."""
    numbers = np.flatnonzero(condition)
    scores = vectors[numbers] @ query
    return frozenset(numbers[np.argsort(-scores)[:TOP_K]].tolist())


# -- the systems


class System:
    """A store of memories in a folder. ``search`` returns the numbers read from the rows it found."""

    name: str
    package: str
    """Its distribution, whose version is shown."""
    module: str
    """What is imported to use it."""
    exact = True
    """Whether its recall means anything here."""
    kinds: Sequence[str] = KINDS

    def __init__(self, folder: Path, data: Data) -> None:
        self.data = data

    def load(self, numbers: range) -> None:
        """Add memories in one batch."""
        raise NotImplementedError

    def loaded(self) -> None:
        """Do what is recommended once much was added, such as building indexes."""

    def add(self, number: int) -> None:
        """Add one memory, durably."""
        raise NotImplementedError

    def search(self, query: Query, kind: str) -> list[int]:
        """Return the nearest memories of the query's user; "filtered": and project; "unscoped": of everybody."""
        raise NotImplementedError

    def close(self) -> None:
        """Close the files."""


class Prepared:
    """An embedder that knows the vectors of all texts: the last word is the number of a memory or a query."""

    name, dimensions = "prepared", DIMENSIONS

    def __init__(self, data: Data) -> None:
        self._data = data

    def embed(self, texts: Sequence[str]) -> Any:
        """Return the vectors of memories."""
        return self._data.vectors[[int(re.findall(r"\bm(\d+)\b", text)[-1]) for text in texts]]

    def embed_query(self, text: str) -> Any:
        """Return the vector of a query."""
        return self._data.queries[int(re.findall(r"\bq(\d+)\b", text)[-1])].vector


class Mem0Lite(System):
    """mem0lite as it searches by itself: by vectors and keywords."""

    name, package, module, exact = "mem0lite", "mem0lite", "mem0lite", False
    arguments: dict[str, Any] = {}  # noqa: RUF012 (nobody changes it)

    def __init__(self, folder: Path, data: Data) -> None:
        super().__init__(folder, data)
        from mem0lite import Memory

        self.memory = Memory(folder / "memory.db", embedder=Prepared(data))

    def load(self, numbers: range) -> None:
        self.memory.add_many(self._item(number) for number in numbers)

    def add(self, number: int) -> None:
        self.memory.add(**self._item(number))

    def _item(self, number: int) -> Any:
        row = self.data.row(number)
        metadata = {"n": number, "project_id": row["project_id"]}
        return {"messages": row["text"], "user_id": row["user_id"], "metadata": metadata, "infer": False}

    def search(self, query: Query, kind: str) -> list[int]:
        filters = {
            "user_id": "*" if kind == "unscoped" else query.user,
            **({"project_id": query.project} if kind == "filtered" else {}),
        }
        found = self.memory.search(query.text, filters=filters, top_k=TOP_K, threshold=None, **self.arguments)
        return [item["metadata"]["n"] for item in found["results"] if item["metadata"]]

    def close(self) -> None:
        self.memory.close()


class Mem0LiteDense(Mem0Lite):
    """mem0lite by vectors alone, as the others search."""

    name, exact = "mem0lite, vectors only", True

    def __init__(self, folder: Path, data: Data) -> None:
        super().__init__(folder, data)
        from mem0lite import Ranking

        self.arguments = {"ranking": Ranking.dense()}


class PreparedForMem0(Prepared):
    """The same under mem0ai's names."""

    def embed(self, text: Any, memory_action: str = "add") -> Any:
        """Return the vector of a memory or a query."""
        return (self.embed_query(text) if memory_action == "search" else super().embed([text])[0]).tolist()


class Mem0(System):
    """mem0ai with its default store, a local Qdrant folder; batches go to that store, as mem0 adds one at a time."""

    name, package, module = "mem0ai", "mem0ai", "mem0"
    kinds = ("scoped", "filtered")  # a search has to name somebody

    def __init__(self, folder: Path, data: Data) -> None:
        super().__init__(folder, data)
        os.environ["MEM0_DIR"] = str(folder / "mem0")
        import logging

        from loguru import logger
        from mem0 import Memory

        logger.disable("fastembed")  # both say at length that there is no keyword model
        logging.getLogger("mem0").setLevel(logging.ERROR)

        store = {"path": str(folder / "qdrant"), "on_disk": True, "embedding_model_dims": DIMENSIONS}
        self.memory = Memory.from_config(
            {
                "vector_store": {"provider": "qdrant", "config": store},
                "history_db_path": str(folder / "history.db"),
            }
        )
        self.memory.embedding_model = PreparedForMem0(data)

    def load(self, numbers: range) -> None:
        payloads = [{**row, "data": row.pop("text")} for row in self.data.rows(numbers)]
        self.memory.vector_store.insert(self.data.vectors[numbers].tolist(), payloads, list(numbers))

    def add(self, number: int) -> None:
        row = self.data.row(number)
        metadata = {"n": number, "project_id": row["project_id"]}
        self.memory.add(row["text"], user_id=row["user_id"], metadata=metadata, infer=False)

    def search(self, query: Query, kind: str) -> list[int]:
        filters = {"user_id": query.user} | ({"project_id": query.project} if kind == "filtered" else {})
        found = self.memory.search(query.text, filters=filters, top_k=TOP_K, threshold=0.0)
        return [item["metadata"]["n"] for item in found["results"]]

    def close(self) -> None:
        self.memory.vector_store.client.close()
        self.memory.close()


class Qdrant(System):
    """qdrant-client on a local folder."""

    name, package, module = "qdrant (local)", "qdrant-client", "qdrant_client"

    def __init__(self, folder: Path, data: Data) -> None:
        super().__init__(folder, data)
        from qdrant_client import QdrantClient, models

        self.models = models
        self.client = QdrantClient(path=str(folder / "qdrant"))
        if not self.client.collection_exists("memory"):
            self.client.create_collection(
                "memory", vectors_config=models.VectorParams(size=DIMENSIONS, distance=models.Distance.COSINE)
            )

    def load(self, numbers: range) -> None:
        vectors = self.data.vectors[numbers].tolist()
        batch = self.models.Batch(ids=list(numbers), vectors=vectors, payloads=self.data.rows(numbers))
        self.client.upsert("memory", points=batch)

    def add(self, number: int) -> None:
        self.load(range(number, number + 1))

    def search(self, query: Query, kind: str) -> list[int]:
        condition = self.models.Filter(must=[self._is(*one) for one in conditions(query, kind)])
        found = self.client.query_points(
            "memory", query=query.vector.tolist(), query_filter=condition, limit=TOP_K, with_payload=True
        )
        return [point.payload["n"] for point in found.points]

    def _is(self, name: str, value: str) -> Any:
        return self.models.FieldCondition(key=name, match=self.models.MatchValue(value=value))

    def close(self) -> None:
        self.client.close()


class Chroma(System):
    """chromadb with its default index (HNSW) and cosine."""

    name, package, module = "chromadb", "chromadb", "chromadb"

    def __init__(self, folder: Path, data: Data) -> None:
        super().__init__(folder, data)
        import chromadb

        self.client = chromadb.PersistentClient(str(folder))
        self.collection = self.client.get_or_create_collection("memory", configuration={"hnsw": {"space": "cosine"}})

    def load(self, numbers: range) -> None:
        rows = self.data.rows(numbers)
        self.collection.add(
            ids=[str(number) for number in numbers],
            embeddings=self.data.vectors[numbers],
            documents=[row.pop("text") for row in rows],
            metadatas=rows,
        )

    def add(self, number: int) -> None:
        self.load(range(number, number + 1))

    def search(self, query: Query, kind: str) -> list[int]:
        wanted: list[Any] = [{name: value} for name, value in conditions(query, kind)]
        found = self.collection.query(
            query_embeddings=[query.vector],
            n_results=TOP_K,
            where={"$and": wanted} if len(wanted) > 1 else wanted[0] if wanted else None,
            include=["documents", "metadatas", "distances"],
        )
        return [int(row["n"]) for row in found["metadatas"][0]]


class Lance(System):
    """lancedb with bitmap indexes on user and project, which made its filters four times as fast, and exact search."""

    name, package, module = "lancedb", "lancedb", "lancedb"

    def __init__(self, folder: Path, data: Data) -> None:
        super().__init__(folder, data)
        import lancedb
        import pyarrow

        self.schema = pyarrow.schema(
            [
                ("n", pyarrow.int64()),
                ("user_id", pyarrow.string()),
                ("project_id", pyarrow.string()),
                ("text", pyarrow.string()),
                ("vector", pyarrow.list_(pyarrow.float32(), DIMENSIONS)),
            ]
        )
        self.table = lancedb.connect(str(folder)).create_table("memory", schema=self.schema, exist_ok=True)

    def load(self, numbers: range) -> None:
        self.table.add(arrow(self.data, numbers, self.schema))

    def loaded(self) -> None:
        from lancedb.index import Bitmap

        self.table.optimize()
        self.table.create_index("user_id", config=Bitmap())
        self.table.create_index("project_id", config=Bitmap())

    def add(self, number: int) -> None:
        self.load(range(number, number + 1))

    def search(self, query: Query, kind: str) -> list[int]:
        search = self.table.search(query.vector).distance_type("cosine").limit(TOP_K)
        if wanted := " AND ".join(f"{name} = '{value}'" for name, value in conditions(query, kind)):
            search = search.where(wanted, prefilter=True)
        return [row["n"] for row in search.to_list()]


class Milvus(System):
    """milvus-lite with a flat index."""

    name, package, module = "milvus-lite", "milvus-lite", "pymilvus"

    def __init__(self, folder: Path, data: Data) -> None:
        super().__init__(folder, data)
        from pymilvus import DataType, MilvusClient

        self.file = str(folder / "milvus.db")
        self.client = MilvusClient(self.file)
        if not self.client.has_collection("memory"):
            schema = self.client.create_schema(auto_id=False)
            schema.add_field("n", DataType.INT64, is_primary=True)
            for name, length in (("user_id", 100), ("project_id", 100), ("text", 1_000)):
                schema.add_field(name, DataType.VARCHAR, max_length=length)
            schema.add_field("vector", DataType.FLOAT_VECTOR, dim=DIMENSIONS)
            index = self.client.prepare_index_params()
            index.add_index("vector", index_type="FLAT", metric_type="COSINE")
            self.client.create_collection("memory", schema=schema, index_params=index)
        self.client.load_collection("memory")

    def load(self, numbers: range) -> None:
        rows = [{**self.data.row(number), "vector": self.data.vectors[number]} for number in numbers]
        self.client.insert("memory", rows)

    def add(self, number: int) -> None:
        self.load(range(number, number + 1))

    def search(self, query: Query, kind: str) -> list[int]:
        found = self.client.search(
            "memory",
            data=[query.vector],
            limit=TOP_K,
            filter=" and ".join(f"{name} == '{value}'" for name, value in conditions(query, kind)),
            output_fields=["n", "user_id", "project_id", "text"],
        )
        return [row["entity"]["n"] for row in found[0]]

    def close(self) -> None:
        from milvus_lite.server_manager import server_manager_instance

        self.client.close()
        server_manager_instance.release_server(self.file)  # which goes on holding the file otherwise


class DuckDB(System):
    """duckdb with a column of fixed-size arrays."""

    name, package, module = "duckdb", "duckdb", "duckdb"

    def __init__(self, folder: Path, data: Data) -> None:
        super().__init__(folder, data)
        import duckdb

        self.connection = duckdb.connect(str(folder / "duck.db"))
        self.connection.execute(
            "CREATE TABLE IF NOT EXISTS memory "
            f"(n BIGINT, user_id VARCHAR, project_id VARCHAR, text VARCHAR, vector FLOAT[{DIMENSIONS}])"
        )

    def load(self, numbers: range) -> None:
        self.connection.register("batch", arrow(self.data, numbers))
        self.connection.execute("INSERT INTO memory SELECT * FROM batch")
        self.connection.unregister("batch")

    def add(self, number: int) -> None:
        row = [*self.data.row(number).values(), self.data.vectors[number].tolist()]
        self.connection.execute("INSERT INTO memory VALUES (?, ?, ?, ?, ?)", row)

    def search(self, query: Query, kind: str) -> list[int]:
        wanted = conditions(query, kind)
        where = " WHERE " + " AND ".join(f"{name} = ?" for name, _ in wanted) if wanted else ""
        found = self.connection.execute(
            f"SELECT n, user_id, project_id, text FROM memory{where} "
            f"ORDER BY array_cosine_distance(vector, ?::FLOAT[{DIMENSIONS}]) LIMIT {TOP_K}",
            [*(value for _, value in wanted), query.vector.tolist()],
        )
        return [row[0] for row in found.fetchall()]

    def close(self) -> None:
        self.connection.close()


class Vec0(System):
    """A plain sqlite-vec table: vec0 with user and project as metadata columns, beside a table of rows."""

    name, package, module = "sqlite-vec vec0", "sqlite-vec", "sqlite_vec"
    user_column = "user_id TEXT"

    def __init__(self, folder: Path, data: Data) -> None:
        super().__init__(folder, data)
        import apsw
        import sqlite_vec

        self.connection = apsw.Connection(str(folder / "vec0.db"))
        self.connection.enable_load_extension(True)
        self.connection.load_extension(sqlite_vec.loadable_path())
        self.connection.execute("PRAGMA journal_mode=WAL").get  # noqa: B018 (fetches the answer)
        self.connection.execute("PRAGMA synchronous=FULL")
        self.connection.execute(
            "CREATE TABLE IF NOT EXISTS memory (n INTEGER PRIMARY KEY, user_id TEXT, project_id TEXT, text TEXT)"
        )
        self.connection.execute(
            "CREATE VIRTUAL TABLE IF NOT EXISTS vector USING vec0("
            f"embedding FLOAT[{DIMENSIONS}] distance_metric=cosine, {self.user_column}, project_id TEXT)"
        )

    def load(self, numbers: range) -> None:
        with self.connection:
            for row, vector in zip(self.data.rows(numbers), self.data.vectors[numbers], strict=True):
                self.connection.execute("INSERT INTO memory VALUES (:n, :user_id, :project_id, :text)", row)
                self.connection.execute(
                    "INSERT INTO vector (rowid, embedding, user_id, project_id) VALUES (?, ?, ?, ?)",
                    (row["n"], vector.tobytes(), row["user_id"], row["project_id"]),
                )

    def add(self, number: int) -> None:
        self.load(range(number, number + 1))

    def search(self, query: Query, kind: str) -> list[int]:
        wanted = conditions(query, kind)
        found = self.connection.execute(
            f"SELECT m.* FROM (SELECT rowid, distance FROM vector WHERE embedding MATCH ? AND k = {TOP_K} "
            f"{' '.join(f'AND {name} = ?' for name, _ in wanted)}) f JOIN memory m ON m.n = f.rowid "
            "ORDER BY f.distance",
            [query.vector.tobytes(), *(value for _, value in wanted)],
        )
        return [int(row[0]) for row in found]

    def close(self) -> None:
        self.connection.close()


class Vec0Partitioned(Vec0):
    """The same with the user as vec0's partition key."""

    name = "sqlite-vec vec0, partitioned"
    user_column = "user_id TEXT PARTITION KEY"


def conditions(query: Query, kind: str) -> list[tuple[str, str]]:
    """Return the columns a kind of query compares, and with what."""
    columns = {"scoped": ("user_id",), "filtered": ("user_id", "project_id"), "unscoped": ()}[kind]
    return [(name, {"user_id": query.user, "project_id": query.project}[name]) for name in columns]


def arrow(data: Data, numbers: range, schema: Any = None) -> Any:
    """Return memories as an Arrow table."""
    import pyarrow

    rows = data.rows(numbers)
    columns: dict[str, Any] = {name: [row[name] for row in rows] for name in rows[0]}
    flat = pyarrow.array(data.vectors[numbers].ravel())
    columns["vector"] = pyarrow.FixedSizeListArray.from_arrays(flat, DIMENSIONS)
    return pyarrow.table(columns, schema=schema)


SYSTEMS: dict[str, type[System]] = {
    one.name: one
    for one in (
        Mem0Lite, Mem0LiteDense, Vec0, Vec0Partitioned, DuckDB, Lance, Chroma, Milvus, Qdrant, Mem0,
    )
}  # fmt: skip
