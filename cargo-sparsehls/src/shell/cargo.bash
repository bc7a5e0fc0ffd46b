complete -F _sparsehls -o bashdefault -o default cargo-sparsehls

# `cargo sparsehls …`: the words behind `sparsehls` are those of cargo-sparsehls. Everything else of cargo is completed as before.
__sparsehls_before() {
    [[ "$(complete -p cargo 2>/dev/null)" =~ -F\ ([^\ ]+) && "${BASH_REMATCH[1]}" != __sparsehls_cargo ]] || return
    __sparsehls_cargo_before=${BASH_REMATCH[1]}
}

__sparsehls_cargo() {
    local at=1
    [[ "${COMP_WORDS[1]}" == +* ]] && at=2
    if [[ "${COMP_WORDS[at]}" == sparsehls && "$COMP_CWORD" -gt "$at" ]]; then
        COMP_WORDS=(cargo-sparsehls "${COMP_WORDS[@]:at+1}")
        COMP_CWORD=$((COMP_CWORD - at))
        _sparsehls cargo-sparsehls "$2" "${COMP_WORDS[COMP_CWORD - 1]}"
        return
    fi
    if [[ -z "$__sparsehls_cargo_before" ]]; then
        # bash-completion loads what it has for cargo when it is wanted first, and puts it in our place.
        if declare -F _comp_load >/dev/null; then
            _comp_load cargo
        elif declare -F _completion_loader >/dev/null; then
            _completion_loader cargo
        fi
        __sparsehls_before
        complete -F __sparsehls_cargo -o bashdefault -o default cargo
    fi
    if [[ -n "$__sparsehls_cargo_before" ]]; then
        "$__sparsehls_cargo_before" "$@"
    elif [[ "$COMP_CWORD" -eq "$at" ]]; then
        COMPREPLY=($(compgen -W sparsehls -- "$2"))
    fi
}

__sparsehls_before
complete -F __sparsehls_cargo -o bashdefault -o default cargo
