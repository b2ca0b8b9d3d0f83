"""Jobs whose input or output is a table of a real Cassandra, by all the processes of a cluster."""

import collections
import json
import os
import subprocess

from cluster_harness import FIXTURES, TIMEOUT_S, JobTest


class Tables(JobTest):
    TEXTS = [f"w{i % 7} w{i % 5} é{i}" for i in range(200)]

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cql(f"CREATE TABLE {cls.keyspace}.texts (part int, id int, body text, "
                "PRIMARY KEY (part, id))",
                f"CREATE TABLE {cls.keyspace}.counts (word text PRIMARY KEY, note text, n bigint)",
                *(f"INSERT INTO {cls.keyspace}.texts (part, id, body) VALUES ({i % 9}, {i}, "
                  f"'{body}')" for i, body in enumerate(cls.TEXTS)))

    @classmethod
    def cql(cls, *statements):
        """The first column of the rows."""
        shell = os.path.join(os.path.abspath(FIXTURES), "cql_shell")
        done = subprocess.run([shell, *statements], env={**os.environ, **cls.settings},
                              capture_output=True, timeout=TIMEOUT_S, check=False)
        if done.returncode != 0:
            raise AssertionError(done.stderr.decode(errors="replace"))
        return done.stdout.decode().splitlines()

    def counts(self):
        rows = map(json.loads, self.cql(f"SELECT JSON word, n FROM {self.keyspace}.counts"))
        return {row["word"]: row["n"] for row in rows}

    def test_counts_of_a_file_become_rows(self):
        self.write("in.txt", "\n".join(self.TEXTS).encode())
        self.on_cluster("wordcount", "in.txt", "-o", f"table:{self.keyspace}.counts(word,n)")
        expected = collections.Counter(" ".join(self.TEXTS).split())
        self.assertEqual(self.counts(), expected)
        self.on_cluster("wordcount", "in.txt", "-o", f"table:{self.keyspace}.counts(word,n)")
        self.assertEqual(self.counts(), expected)

    def test_rows_are_lines(self):
        self.on_cluster("grep", "--arg", "fixed=w3", f"table:{self.keyspace}.texts(id,body)", "-o",
                        "out")
        files = self.files_of("out")
        lines = b"".join(files[name] for name in sorted(files) if name.startswith("part-"))
        lines = lines.decode().splitlines()
        expected = self.cql(f"SELECT JSON id, body FROM {self.keyspace}.texts")
        expected = [json.loads(line) for line in expected if "w3" in line]
        self.assertGreater(len(expected), 20)
        self.assertEqual([json.loads(line) for line in lines], expected)

    def test_what_is_wrong_is_told_at_once(self):
        self.write("in.txt", b"a b")
        _, error = self.on_cluster("wordcount", "in.txt", "-o",
                                   f"table:{self.keyspace}.counts(n,word)", code=64)
        self.assertIn("column word of type text", error)
        _, error = self.embedded("wordcount", "in.txt", "-o", f"table:{self.keyspace}.counts",
                                 code=64)
        self.assertIn("--cassandra", error)
        _, error = self.on_cluster("wordcount", f"table:{self.keyspace}.nowhere", "-o", "out",
                                   code=65)
        self.assertIn(f"{self.keyspace}.nowhere", error)
