#!/bin/sh
# Instructions of the codec beside wacore-binary's: they do not move with the load of a machine, so
# they are the gate. Fails where ours takes more. Needs valgrind.
set -eu
cd "$(dirname "$0")"
command -v valgrind >/dev/null || { echo "valgrind is not on PATH" >&2; exit 2; }
program=$(cargo build --quiet --profile bench --bin count --message-format json |
  sed -n 's/.*"executable":"\([^"]*\/count\)".*/\1/p')

# Instructions of one round of: what, whose, sample.
instructions() {
  [ "$3" -eq 2 ] && times=10 || times=1000
  some=$(collected "$@" $times)
  none=$(collected "$@" 0)
  echo $(((some - none) / times))
}

collected() {
  valgrind --tool=callgrind --callgrind-out-file=/dev/null "$program" "$@" 2>&1 |
    sed -n 's/.*Collected : \([0-9]*\).*/\1/p'
}

missed=0
printf '%-26s %10s %10s %7s\n' "instructions" ours wacore ratio
for what in decode encode; do
  for sample in 0 1 2; do
    case $sample in
      0) name="ping of 24 B" ;;
      1) name="message of 492 B" ;;
      *) name="result of 24 kB" ;;
    esac
    ours=$(instructions $what ours $sample)
    theirs=$(instructions $what wacore $sample)
    ratio=$(awk "BEGIN { printf \"%.2f\", $theirs / $ours }")
    verdict=
    [ "$ours" -le "$theirs" ] || { verdict=" MISSED"; missed=1; }
    printf '%-26s %10d %10d %6s×%s\n' "$what $name" "$ours" "$theirs" "$ratio" "$verdict"
  done
done
exit $missed
