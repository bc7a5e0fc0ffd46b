
# `cargo sparsehls …`: the words behind `sparsehls` are those of cargo-sparsehls. Everything else of cargo is completed as before.
function __sparsehls_words
    set -l words (commandline -opc)
    set -l at 2
    string match -q -- '+*' $words[2]; and set at 3
    test "$words[$at]" = sparsehls; or return 1
    set -e words[1..$at]
    string join -- \n $words
    return 0
end

function __sparsehls_complete
    complete -C (string join -- ' ' cargo-sparsehls (string escape -- (__sparsehls_words)) (commandline -ct))
end

complete -c cargo -n '__sparsehls_words >/dev/null' -f -a '(__sparsehls_complete)'
