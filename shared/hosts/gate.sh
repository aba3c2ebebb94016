#!/bin/sh
# Postern gate 1
#
# Keeps this computer closed but for what was granted, as long as it was granted. It owns the nftables table "inet
# postern", the folder /var/lib/postern and three systemd units, and touches nothing else. It is always this same text;
# what differs comes in parameters that hold digits, addresses and our own names of rules, and are checked here again.
#
# POSTERN_MODE is apply, verify (mend only what is not in force), dry (print the table) or again (by this computer).
# POSTERN_WISH is none, or rules joined by "+": name_priority_a|d_protocol_sources_destinations_ports_deadline.
# The last line that it prints is the report. It ends with 0: in force, 3: refused, 4: unsupported, 5: failed.
set -eu
umask 077
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C

KEPT=/var/lib/postern
UNITS=/etc/systemd/system
OLDEST=600 # Seconds: an order that waited for longer opens nothing.
AHEAD=30   # Seconds: nor does one from further in the future, as one of the clocks is wrong.

mode=${POSTERN_MODE:-} version=${POSTERN_VERSION:-} serial=${POSTERN_SERIAL:-} issued=${POSTERN_ISSUED:-}
digest=${POSTERN_DIGEST:-} wish=${POSTERN_WISH:-}
rules=0 drift='"missing":[],"edited":[]' skew=0 persists=false firewall='' told=false work=''

# The report holds our own words, numbers, and names that were checked.
report() { # status, exit code, detail
	told=true
	printf 'POSTERN-GATE {"version":1,"status":"%s","detail":"%s","serial":%s,"issued":%s,"digest":"%s",' \
		"$1" "$3" "$serial" "${issued:-0}" "$digest"
	printf '"rules":%s,%s,"skew":%s,"persists":%s,"firewall":"%s"}\n' "$rules" "$drift" "$skew" "$persists" "$firewall"
	exit "$2"
}

refuse() { serial=0 issued=0 digest='' && report refused 3 "$1"; }

# Whatever ends this script early is told as a failure: nft changes all or nothing. Without a wish nothing is kept.
finish() {
	if [ -n "$work" ]; then
		rm -rf "$work" "$KEPT/wish.new"
		if [ ! -f "$KEPT/wish" ]; then rm -rf "$KEPT"; fi
	fi
	[ "$told" = true ] || report failed 5 'a command failed, see the error output'
}
trap finish EXIT

NUMBER='(0|[1-9][0-9]{0,14})'
V4='[0-9]{1,3}(\.[0-9]{1,3}){3}(/[0-9]{1,2})?'
V6='[0-9a-fA-F]{0,4}(:[0-9a-fA-F]{0,4}){2,7}(:[0-9]{1,3}(\.[0-9]{1,3}){3})?(/[0-9]{1,3})?'
SIDE="(any|$V4|$V6)(@(any|$V4|$V6))*"
PORTS='(any|[0-9]{1,5}(-[0-9]{1,5})?(@[0-9]{1,5}(-[0-9]{1,5})?)*)'
NAME='postern-(lock|open|keep)-[a-z0-9-]{1,66}'
RULE="${NAME}_[1-9][0-9]{2,3}_[ad]_(tcp|udp|icmp|esp|ah|any)_${SIDE}_${SIDE}_${PORTS}_(0|[1-9][0-9]{0,10})"

# One line that consists of these characters only, and has this form as a whole.
is_formed() { # value, characters, form
	case $1 in '' | *[!$2]*) return 1 ;; esac
	printf '%s\n' "$1" | grep -Eqx "$3"
}

is_order() { # serial, issued, digest, wish
	is_formed "$1" '0-9' "$NUMBER" && is_formed "$2" '0-9' "$NUMBER" && is_formed "$3" '0-9a-f' '[0-9a-f]{64}' &&
		is_formed "$4" '0-9a-zA-Z.:/@_+-' "none|$RULE([+]$RULE)*" && [ "$(digest_of "$4")" = "$3" ]
}

digest_of() { printf '%s' "$1" | sha256sum | cut -c 1-64; }

# The rules of a wish, one a line, the lowest number first, as Azure reads them.
lines_of() { [ "$1" = none ] || printf '%s\n' "$1" | tr '+' '\n' | sort -t _ -k 2,2n; }

joined() { text=$(paste -s -d + -) && printf '%s' "${text:-none}"; }

# The clock is read in whole seconds, so one is taken off each deadline: a grant ends a moment early, never late.
live() { lines_of "$1" | awk -F _ -v now="$now" '$3 == "d" || $8 - now > 1'; }

# What is kept is read as it was written, never run, and checked like an order from outside.
read_kept() {
	old_serial=0 old_issued=0 old_digest='' old_wish=none
	[ -f "$KEPT/wish" ] || return 0
	read -r old_serial old_issued old_digest old_wish <"$KEPT/wish" || true
	is_order "$old_serial" "$old_issued" "$old_digest" "$old_wish" || old_serial=0 old_wish=broken
}

# Only what is narrower than what stands: all that either denies, and what both allow. So an order that comes too late
# can close, and can neither open anything nor take a lock away.
narrowed() {
	lines_of "$old_wish" >"$work/old"
	lines_of "$wish" >"$work/new"
	{
		cat "$work/old" "$work/new" | grep '_[0-9]*_d_' || true
		grep '_[0-9]*_a_' "$work/old" | grep -Fx -f "$work/new" || true
	} | sort -u | sort -t _ -k 2,2n
}

# The whole table as one transaction. Its chain comes before addresses are translated, so that ports which containers
# publish are behind the gate too, and passes over what this computer only forwards to others.
render() {
	awk -F _ -v now="$now" '
	function family(prefix) { return prefix == "any" ? "" : prefix ~ /:/ ? "ip6" : "ip" }
	function protocol(name, ports, allows) {
		if (name == "any" && ports == "any") return ""
		if (name == "icmp") return "meta l4proto { icmp, icmpv6 } "
		if (ports == "any") return "meta l4proto " name " "
		gsub(/@/, ", ", ports)
		if (name != "any") return name " dport { " ports " } "
		# A lock covers everything that has ports, a grant only what it surely means.
		return "meta l4proto { tcp, udp" (allows ? "" : ", sctp, dccp, udplite") " } th dport { " ports " } "
	}
	function rule(from, to, rest) {
		if (family(from) != "" && family(to) != "" && family(from) != family(to)) return
		chain = chain "\t\t" while_open (from == "any" ? "" : family(from) " saddr " from " ")
		chain = chain (to == "any" ? "" : family(to) " daddr " to " ") rest "\n"
	}
	{
		allows = $3 == "a"
		left = $8 - now - 1
		while_open = allows ? "meta nfproto @until_" NR " " : ""
		if (allows) sets = sets "\tset until_" NR " {\n\t\ttype nf_proto\n\t\tflags timeout\n" \
			"\t\telements = { ipv4 timeout " left "s, ipv6 timeout " left "s }\n\t}\n"
		rest = protocol($4, $7, allows) (allows ? "accept" : "drop") " comment \"" $1 "\""
		sources = split($5, from, "@")
		targets = split($6, to, "@")
		for (i = 1; i <= sources; i++) for (j = 1; j <= targets; j++) rule(from[i], to[j], rest)
	}
	END {
		print "add table inet postern\ndelete table inet postern\ntable inet postern {"
		printf "%s", sets
		print "\tchain gate {\n\t\ttype filter hook prerouting priority -110; policy accept;"
		print "\t\tiif \"lo\" accept\n\t\tct state established,related accept"
		print "\t\tfib daddr type != { local, broadcast, multicast } accept"
		# Without these a closed computer would lose its network: neighbours and routers of IPv6, and its addresses.
		print "\t\tip6 hoplimit 255 icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } accept"
		print "\t\tip6 saddr fe80::/10 icmpv6 type mld-listener-query accept"
		print "\t\tudp sport 67 udp dport 68 accept\n\t\tip6 saddr fe80::/10 udp sport 547 udp dport 546 accept"
		printf "%s\t}\n}\n", chain
	}'
}

# Whether all stands as it did after the last order. Else `drift` names what is gone and what is different; a time-out
# that is over is no difference, one that is longer is.
stands() {
	nft -s list table inet postern >"$work/is" 2>/dev/null || true
	touch "$KEPT/listing"
	drift=$(awk '
	function add(list, name) { return list (list == "" ? "" : ",") "\"" name "\"" }
	/elements = / { if (NR == FNR) times[$0] = 1; else if (!($0 in times)) others = 1; next }
	{ name = match($0, /comment "[^"]*"/) ? substr($0, RSTART + 9, RLENGTH - 10) : "table" }
	NR == FNR { was[name] = was[name] $0; next }
	{ is[name] = is[name] $0 }
	END {
		if (others) is["table"] = is["table"] "other times"
		for (name in was) if (!(name in is) && ++gone <= 3) missing = add(missing, name)
		for (name in is) if (is[name] != was[name] && ++odd <= 3) edited = add(edited, name)
		printf "\"missing\":[%s],\"edited\":[%s]", missing, edited
	}' "$KEPT/listing" "$work/is")
	[ "$drift" = '"missing":[],"edited":[]' ] && [ "$(standing)" = "$(live "$wish" | grep -c .)" ] &&
		[ "$(grep -c 'elements = ' "$work/is")" = "$(live "$wish" | grep -c '_[0-9]*_a_')" ]
}

# How many of our rules stood after the last order.
standing() { grep -o 'comment "[^"]*"' "$KEPT/listing" | sort -u | grep -c . || true; }

enforce() {
	live "$wish" | render >"$work/table"
	printf '%s %s %s %s\n' "$serial" "$issued" "$digest" "$wish" >"$KEPT/wish.new"
	nft -f "$work/table"
	mv "$KEPT/wish.new" "$KEPT/wish"
	nft -s list table inet postern >"$KEPT/listing"
}

# A copy of this script and units that run it: before the network is up, whenever nftables' own service has flushed all
# tables, and at each deadline by the clock on the wall, which the kernel's time-outs do not follow.
persist() {
	if [ "$mode" != again ] && sed -n 2p "$0" | grep -qx '# Postern gate 1' && tail -n 1 "$0" | grep -qx '# The end.'; then
		cp "$0" "$KEPT/gate.sh.new"
		mv "$KEPT/gate.sh.new" "$KEPT/gate.sh"
	fi
	if [ ! -f "$KEPT/gate.sh" ] || [ ! -d /run/systemd/system ] || ! command -v systemctl >/dev/null; then return 0; fi
	service="Type=oneshot\nEnvironment=POSTERN_MODE=again\nExecStart=/bin/sh $KEPT/gate.sh\n"
	printf '%b' '[Unit]\nDescription=Postern gate\nDefaultDependencies=no\nConflicts=shutdown.target\n' \
		"RequiresMountsFor=$KEPT\nAfter=local-fs.target nftables.service\nWants=network-pre.target\n" \
		'Before=network-pre.target shutdown.target\nPartOf=nftables.service\nReloadPropagatedFrom=nftables.service\n' \
		"[Service]\n${service}ExecReload=/bin/sh $KEPT/gate.sh\nRemainAfterExit=yes\n[Install]\nWantedBy=sysinit.target\n" \
		>"$UNITS/postern-gate.service"
	printf '%b' "[Unit]\nDescription=Postern gate at a deadline\n[Service]\n$service" >"$UNITS/postern-gate-deadline.service"
	deadlines=$(live "$wish" | awk -F _ '$3 == "a" { print $8 }' | sort -un)
	printf '[Unit]\nDescription=Postern gate: deadlines of grants\n[Timer]\nAccuracySec=1s\n' >"$UNITS/postern-gate-deadline.timer"
	for one in $deadlines; do date -u -d "@$one" '+OnCalendar=%Y-%m-%d %H:%M:%S UTC'; done >>"$UNITS/postern-gate-deadline.timer"
	chmod 644 "$UNITS/postern-gate.service" "$UNITS/postern-gate-deadline.service" "$UNITS/postern-gate-deadline.timer"
	# A timer without a time is none that could be started.
	if [ "$mode" = again ]; then first=true; else first='systemctl -q --no-block start postern-gate.service'; fi
	if [ -n "$deadlines" ]; then task=restart; else task=stop; fi
	# The table stands by now: what fails here is told as `persists`, not as a failure of the order.
	systemctl -q daemon-reload && systemctl -q enable postern-gate.service && $first &&
		systemctl -q --no-block "$task" postern-gate-deadline.timer && persists=true || true
}

# Everything of ours goes and nothing else: the computer is as it was.
remove() {
	if nft list table inet postern >/dev/null 2>&1; then nft delete table inet postern; fi
	if [ -f "$UNITS/postern-gate.service" ]; then
		systemctl -q disable postern-gate.service || true
		# Run by a unit, it would stop itself here.
		[ "$mode" = again ] || systemctl -q --no-block stop postern-gate.service postern-gate-deadline.timer || true
		rm -f "$UNITS/postern-gate.service" "$UNITS/postern-gate-deadline.service" "$UNITS/postern-gate-deadline.timer"
		systemctl -q daemon-reload || true
	fi
	rm -rf "$KEPT"
}

carry_out() {
	status=applied code=0
	if [ "$mode" = again ]; then
		[ "$old_wish" != broken ] || refuse 'what is kept is not well formed'
		serial=$old_serial issued=$old_issued wish=$(live "$old_wish" | joined)
	else
		skew=$((now - issued))
		if [ "$serial" -lt "$old_serial" ]; then report stale 3 'a newer order was applied'; fi
		if [ "$skew" -gt "$OLDEST" ]; then status=stale code=3; elif [ "$skew" -lt "-$AHEAD" ]; then status=skew code=3; fi
	fi
	# An order for nothing that is newer than what stands may always be carried out: who would free this computer else?
	if [ "$code" = 3 ] && [ "$wish" = none ] && [ "$serial" -gt "$old_serial" ] && [ "$issued" -ge "$old_issued" ]; then
		status=applied code=0
	fi
	if [ "$code" = 3 ]; then
		if [ "$old_wish" = broken ]; then report "$status" 3 'nothing was changed'; fi
		wish=$(narrowed | joined)
	fi
	digest=$(digest_of "$wish")
	if [ "$wish" = none ]; then remove && report "$status" "$code" 'nothing of Postern is left'; fi
	# A clock that was set back since the order was given must not make a grant longer.
	if [ "$now" -lt "$issued" ]; then now=$issued; fi
	# Also where a deadline has passed since the order, so that what somebody changed is told.
	same=false
	if [ "$mode" = verify ] && stands && [ "$digest" = "$old_digest" ]; then same=true; fi
	if [ "$same" = false ]; then enforce; fi
	persist
	rules=$(standing)
	[ "$rules" = "$(live "$wish" | grep -c .)" ] || report failed 5 'not all rules stand'
	if [ "$code" = 3 ]; then report "$status" 3 'only narrowed'; fi
	report applied 0 ''
}

main() {
	case $mode in apply | verify | dry | again) ;; *) refuse 'the mode is not known' ;; esac
	command -v awk >/dev/null && command -v sha256sum >/dev/null || refuse 'awk or sha256sum is missing'
	if [ "$mode" = again ]; then
		serial=0 digest='' # Until what is kept was read.
	else
		[ "$version" = 1 ] || refuse 'the version is not known'
		is_order "$serial" "$issued" "$digest" "$wish" || refuse 'the order is not well formed'
	fi
	if [ "$mode" = dry ]; then
		now=$issued && live "$wish" | render
		report dry 0 'nothing was changed'
	fi
	now=$(date +%s)
	command -v nft >/dev/null || report unsupported 4 'nft is missing: install the package nftables'
	[ "$(id -u)" = 0 ] || report unsupported 4 'needs root'
	firewall="nftables $(nft --version | sed -n 's/.*v\([0-9][0-9.]*\).*/\1/p')"
	mkdir -p "$KEPT"
	# Only one at a time: an order from Postern and a deadline may come together.
	if command -v flock >/dev/null; then exec 9>"$KEPT/lock" && flock 9; fi
	mkdir -p "$KEPT"
	work=$(mktemp -d "$KEPT/work.XXXXXX")
	read_kept
	carry_out
}

main
# The end.
