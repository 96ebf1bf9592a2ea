# bash completion for stacq                                -*- shell-script -*-
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash

# Names of the queues; quiet when the module is not loaded.
_stacq_queues()
{
	local path
	for path in /sys/class/stacq/*; do
		[[ -e $path ]] && printf '%s\n' "${path##*/}"
	done
}

_stacq()
{
	local commands='create rm ls send recv peek stat top set seal unseal purge save restore work requeue'
	local limits='--capacity --max-msgs --max-bytes --max-msg-size'
	local delivery='--full --lease --ttl --max-deliveries --dead-letter'
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local command=${COMP_WORDS[1]} words='' i name=''

	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		mapfile -t COMPREPLY < <(compgen -W "$commands --help --version" -- "$cur")
		return
	fi

	# the word after an option that takes one
	case $prev in
	--order)
		mapfile -t COMPREPLY < <(compgen -W 'fifo lifo priority' -- "$cur")
		return
		;;
	--owner)
		mapfile -t COMPREPLY < <(compgen -u -- "$cur")
		return
		;;
	--group)
		mapfile -t COMPREPLY < <(compgen -g -- "$cur")
		return
		;;
	--sort)
		mapfile -t COMPREPLY < <(compgen -W 'name depth in out flight age waiting' -- "$cur")
		return
		;;
	--filter)
		mapfile -t COMPREPLY < <(compgen -W "$(_stacq_queues)" -- "$cur")
		return
		;;
	--mode)
		mapfile -t COMPREPLY < <(compgen -W '0600 0660 0620 0640 0666' -- "$cur")
		return
		;;
	--interval | -d)
		return
		;;
	--full)
		mapfile -t COMPREPLY < <(compgen -W 'block fail drop_oldest drop_newest' -- "$cur")
		return
		;;
	--dead-letter)
		mapfile -t COMPREPLY < <(compgen -W "none $(_stacq_queues)" -- "$cur")
		return
		;;
	--capacity | --max-* | --timeout | -t | --count | -n | --position | --priority | --lease | --ttl | --pause | --jobs | -j | -p)
		return
		;;
	esac

	if [[ $cur == -* ]]; then
		case $command in
		create) words="--order $limits $delivery --owner --group --mode" ;;
		ls | stat) words='--json' ;;
		send) words='--lines --null --framed --priority --ttl --timeout --nonblock' ;;
		recv) words='--count --all --follow --timeout --nonblock --raw --null --json --framed' ;;
		peek) words='--position --count --all --raw --null --json' ;;
		set) words="$limits $delivery --json" ;;
		top) words='--interval --count --sort --reverse --filter --plain --once' ;;
		purge) words='--force --json' ;;
		save) words='--purge' ;;
		restore) words='--timeout --nonblock' ;;
		work) words='--jobs --count --drain --back --pause --lease --max-deliveries --quiet' ;;
		requeue) words='--count --json' ;;
		esac
		mapfile -t COMPREPLY < <(compgen -W "$words --help" -- "$cur")
		return
	fi

	case $command in
	rm | stat | seal | unseal | requeue) # any number of names, or two
		mapfile -t COMPREPLY < <(compgen -W "$(_stacq_queues)" -- "$cur")
		;;
	send | recv | peek | set | purge | save | restore | work) # one
		for ((i = 2; i < COMP_CWORD; i++)); do
			case ${COMP_WORDS[i - 1]} in
			--capacity | --max-* | --timeout | -t | --count | -n | --position | --priority | --lease | --ttl | \
				--full | --dead-letter | --pause | --jobs | -j | -p) continue ;;
			esac
			[[ ${COMP_WORDS[i]} == -* ]] || name=${COMP_WORDS[i]}
		done
		if [[ -z $name ]]; then
			mapfile -t COMPREPLY < <(compgen -W "$(_stacq_queues)" -- "$cur")
		elif [[ $command == work ]]; then
			mapfile -t COMPREPLY < <(compgen -c -- "$cur")
		fi
		;;
	esac
}

complete -F _stacq stacq
