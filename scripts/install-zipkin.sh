#!/bin/sh
# Puts a stock Zipkin, a peer of the end-to-end tests, in .cache/zipkin and prints its path. Needs Java 17 to run; by Maven where there is
# one (it knows the mirrors of this machine), else from Maven Central. Does nothing if this version is already there.
set -eu

VERSION=3.5.1
root=$(cd "$(dirname "$0")/.." && pwd)
jar="$root/.cache/zipkin/zipkin-server-$VERSION-exec.jar"
path="io/zipkin/zipkin-server/$VERSION/zipkin-server-$VERSION-exec.jar"

fail() {
  printf 'install-zipkin: %s\n' "$1" >&2
  exit 1
}

if [ -s "$jar" ]; then
  printf '%s\n' "$jar"
  exit 0
fi

mkdir -p "$root/.cache/zipkin"
if command -v mvn >/dev/null; then
  repository="$HOME/.m2/repository"
  mvn -q -B "-Dmaven.repo.local=$repository" dependency:get -Dtransitive=false "-Dartifact=io.zipkin:zipkin-server:$VERSION:jar:exec" >&2 ||
    fail "Maven could not get io.zipkin:zipkin-server:$VERSION"
  ln -f "$repository/$path" "$jar" 2>/dev/null || cp "$repository/$path" "$jar"
else
  curl -fsSL --retry 3 -o "$jar.part" "https://repo1.maven.org/maven2/$path" || fail "could not download Zipkin $VERSION"
  mv "$jar.part" "$jar"
fi
printf '%s\n' "$jar"
