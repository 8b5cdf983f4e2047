#!/bin/sh
# bootstrap: which source entries it derives from apt's files, and that it changes nothing where it
# can't install what is missing.
set -eu

top_srcdir=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
	echo "bootstrap.sh: $*" >&2
	exit 1
}

# expect NAME: compares what $work/NAME's system derives with $work/NAME/expected.
expect() {
	"$top_srcdir/bootstrap" --show-sources "$work/$1" >"$work/$1/seen"
	diff -u "$work/$1/expected" "$work/$1/seen" || fail "$1: derived the entries above"
}

# new_system NAME OS-RELEASE-LINE...
new_system() {
	mkdir -p "$work/$1/etc/apt/sources.list.d"
	name=$1
	shift
	printf '%s\n' "$@" >"$work/$name/etc/os-release"
}

# --- one line an entry ---------------------------------------------------------------------------
new_system one-line 'ID=debian' 'VERSION_CODENAME=bookworm'
cat >"$work/one-line/etc/apt/sources.list" <<'END'
# deb cdrom:[Debian GNU/Linux 12]/ bookworm main
deb cdrom:[Debian GNU/Linux 12]/ bookworm main
deb http://mirror.example/debian/ bookworm main contrib # near
deb-src http://mirror.example/debian/ bookworm main
deb [ arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg check-valid-until=no ] http://mirror.example/debian-security bookworm-security main
deb http://mirror.example/debian bookworm-backports main
deb http://mirror.example/debian trixie main
deb http://mirror.example/debian bookworm contrib non-free
END
cat >"$work/one-line/etc/apt/sources.list.d/others.list" <<'END'
deb [signed-by=/usr/share/keyrings/docker.gpg] https://download.example/linux/debian bookworm main
deb https://packages.example/apt bookworm main
deb-src http://mirror.example/debian bookworm-updates main
END
cat >"$work/one-line/expected" <<'END'
Types: deb-src
URIs: http://mirror.example/debian/
Suites: bookworm
Components: main

Types: deb-src
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
Check-Valid-Until: no

Types: deb-src
URIs: http://mirror.example/debian
Suites: bookworm-updates
Components: main

END
expect one-line

# --- deb822 --------------------------------------------------------------------------------------
new_system deb822 'ID=debian' 'VERSION_CODENAME=bookworm'
cat >"$work/deb822/etc/apt/sources.list.d/debian.sources" <<'END'
Types: deb
# a comment inside a stanza
URIs: http://mirror.example/debian mirror+file:///etc/apt/mirrors/debian.list
suites: bookworm
  bookworm-backports
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb deb-src
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
Enabled: no
END
cat >"$work/deb822/etc/apt/sources.list.d/other.sources" <<'END'
Types: deb
URIs: https://packages.example/debian
Suites: bookworm
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mQINBF
 -----END PGP PUBLIC KEY BLOCK-----

Types: deb
URIs: https://packages.example/debian
Suites: nodistro
Components: main
END
cat >"$work/deb822/expected" <<'END'
Types: deb-src
URIs: http://mirror.example/debian
Suites: bookworm
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb-src
URIs: mirror+file:///etc/apt/mirrors/debian.list
Suites: bookworm
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

END
expect deb822

# --- a relative of Ubuntu, where CivetWeb is in `universe' ---------------------------------------
new_system relative 'ID=linuxmint' 'VERSION_CODENAME=wilma' 'UBUNTU_CODENAME=noble'
cat >"$work/relative/etc/apt/sources.list.d/official.list" <<'END'
deb http://packages.mint.example wilma main upstream
deb http://archive.example/ubuntu noble main restricted universe
END
cat >"$work/relative/expected" <<'END'
Types: deb-src
URIs: http://archive.example/ubuntu
Suites: noble
Components: main universe

END
expect relative

new_system nothing 'ID=other'
: >"$work/nothing/expected"
expect nothing

# --- missing packages: a machine is faked on the PATH --------------------------------------------
fake=$work/fake
mkdir -p "$fake" "$work/tree"
cp "$top_srcdir/bootstrap" "$top_srcdir/configure.ac" "$work/tree/"

# fake_command NAME SHELL-TEXT
fake_command() {
	printf '#!/bin/sh\n%s\n' "$2" >"$fake/$1"
	chmod 755 "$fake/$1"
}
# run_bootstrap ARGUMENT...: its status in $status, its output in $work/out.
run_bootstrap() {
	status=0
	(cd "$work/tree" && PATH=$fake:$PATH ./bootstrap "$@") >"$work/out" 2>&1 </dev/null || status=$?
}
tree() {
	(cd "$work/tree" && find . -type f -exec cksum {} + | sort)
}

fake_command id 'echo 1000'
fake_command dpkg-query 'echo "make installed"; echo "gcc config-files"; exit 1'
fake_command apt-get "touch '$work/apt-get-was-called'; exit 1"
fake_command sudo 'exit 1'

before=$(tree)
run_bootstrap demo
[ $status -eq 69 ] || fail "demo without packages, root and sudo: saw status $status, expected 69"
line=$(grep -E '^ *apt-get install --no-install-recommends ' "$work/out") || fail "saw no line to run"
for package in gcc libjwt-dev curl; do
	case " $line " in *" $package "*) ;; *) fail "the line misses $package: $line" ;; esac
done
for package in make libcmocka-dev awscli clang-tidy buildah; do
	case " $line " in *" $package "*) fail "the line has $package, which demo does not miss: $line" ;; esac
done
[ "$before" = "$(tree)" ] || fail "files changed without root and packages"
[ ! -e "$work/apt-get-was-called" ] || fail "apt-get was called without root"

run_bootstrap check-image
grep -q buildah "$work/out" || fail "check-image does not ask for buildah"
run_bootstrap lint
grep -q clang-tidy "$work/out" || fail "lint does not ask for clang-tidy"

# With password-less sudo the missing packages are installed by it, and a failure is told.
fake_command sudo "[ \"\$2\" = true ] || { printf '%s\\n' \"\$@\" >'$work/sudo-arguments'; exit 1; }"
run_bootstrap demo
[ $status -eq 69 ] || fail "a failed installation: saw status $status, expected 69"
grep -qx libjwt-dev "$work/sudo-arguments" || fail "sudo was not asked for libjwt-dev"
grep -q -e --no-install-recommends "$work/sudo-arguments" || fail "sudo's apt-get takes recommended packages"

# --- a system without apt-get is told what is needed ---------------------------------------------
rm -rf "$fake"
mkdir "$fake"
for command in sh cat sed grep find dirname; do
	ln -s "$(command -v "$command")" "$fake/$command"
done
status=0
(cd "$work/tree" && PATH=$fake ./bootstrap demo) >"$work/out" 2>&1 </dev/null || status=$?
[ $status -eq 69 ] || fail "without apt-get and autoreconf: saw status $status, expected 69"
for words in openssl/evp.h --with-civetweb-source autoreconf; do
	grep -q -e "$words" "$work/out" || fail "without apt-get: saw no word of $words"
done

# --- wrong calls ---------------------------------------------------------------------------------
fake_command id 'echo 1000'
run_bootstrap one two
[ $status -eq 64 ] || fail "two targets: saw status $status, expected 64"
run_bootstrap --surprise
[ $status -eq 64 ] || fail "an unknown option: saw status $status, expected 64"
[ "$before" = "$(tree)" ] || fail "files changed by calls that end early"
