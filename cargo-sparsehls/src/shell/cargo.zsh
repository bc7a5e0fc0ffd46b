
# `cargo sparsehls …`: the words behind `sparsehls` are those of cargo-sparsehls. Everything else of cargo is completed as before.
# As a file of $fpath this is not needed: cargo's own completions look for _cargo-sparsehls.
if [ "$funcstack[1]" != "_cargo-sparsehls" ]; then
    _sparsehls_cargo() {
        local at=2
        [[ "$words[2]" == +* ]] && at=3
        if [[ "$words[at]" == sparsehls ]] && (( CURRENT > at )); then
            words=(cargo-sparsehls "${(@)words[at+1,-1]}")
            (( CURRENT -= at - 1 ))
            _cargo-sparsehls
        elif [[ -n "$_sparsehls_cargo_before" ]]; then
            $_sparsehls_cargo_before "$@"
        elif (( CURRENT == at )); then
            compadd sparsehls
        else
            _default
        fi
    }
    if [[ "$_comps[cargo]" != _sparsehls_cargo ]]; then
        typeset -g _sparsehls_cargo_before="$_comps[cargo]"
    fi
    compdef _sparsehls_cargo cargo
fi
