//! Words that mean something in one of the languages that names reach.
//!
//! A model's name is the C++ function that HLS makes a Verilog module and a VHDL entity of, and a Rust module; a layer's
//! identifier is part of C++ and of what HLS makes of it. VHDL knows no upper case, and identifiers here have none.

use std::{
    collections::{HashMap, HashSet},
    sync::LazyLock,
};

/// C++: keywords and alternative tokens of C++20 (ISO/IEC 14882:2020, [lex.key] and [lex.digraph]) with those that are
/// keywords by context; keywords that only C has (C23, 6.4.1); and what GCC and Clang predefine as a macro outside of their
/// strict modes.
const CPP: &str = "alignas alignof and and_eq asm auto bitand bitor bool break case catch char char16_t char32_t char8_t \
    class co_await co_return co_yield compl concept const const_cast consteval constexpr constinit continue decltype default \
    delete do double dynamic_cast else enum explicit export extern false final float for friend goto if import inline int \
    long module mutable namespace new noexcept not not_eq nullptr operator or or_eq override private protected public \
    register reinterpret_cast requires return short signed sizeof static static_assert static_cast struct switch template \
    this thread_local throw true try typedef typeid typename union unsigned using virtual void volatile wchar_t while xor \
    xor_eq restrict typeof typeof_unqual i386 linux mips sparc sun unix";

/// Rust: keywords, strict and reserved, to edition 2024 (The Rust Reference, "Keywords"); the primitive types; the crates
/// and tools that a path may begin with in every crate (the same, "Preludes").
const RUST: &str = "abstract as async await become box break const continue crate do dyn else enum extern false final fn \
    for gen if impl in let loop macro match mod move mut override priv pub ref return self static struct super trait true try \
    type typeof unsafe unsized use virtual where while yield bool char f16 f32 f64 f128 i8 i16 i32 i64 i128 isize str u8 u16 \
    u32 u64 u128 usize alloc clippy core diagnostic miri proc_macro rust_analyzer rustdoc rustfmt std";

/// Verilog: keywords of SystemVerilog (IEEE 1800-2017, Annex B), which has all of Verilog's (IEEE 1364-2005, Annex B), and
/// Icarus's own.
const VERILOG: &str = "accept_on alias always always_comb always_ff always_latch and assert assign assume automatic \
    before begin bind bins binsof bit break buf bufif0 bufif1 byte case casex casez cell chandle checker class clocking cmos \
    config const constraint context continue cover covergroup coverpoint cross deassign default defparam design disable dist \
    do edge else end endcase endchecker endclass endclocking endconfig endfunction endgenerate endgroup endinterface \
    endmodule endpackage endprimitive endprogram endproperty endsequence endspecify endtable endtask enum event eventually \
    expect export extends extern final first_match for force foreach forever fork forkjoin function generate genvar global \
    highz0 highz1 if iff ifnone ignore_bins illegal_bins implements implies import incdir include initial inout input inside \
    instance int integer interconnect interface intersect join join_any join_none large let liblist library local localparam \
    logic longint macromodule matches medium modport module nand negedge nettype new nexttime nmos nor noshowcancelled not \
    notif0 notif1 null or output package packed parameter pmos posedge primitive priority program property protected pull0 \
    pull1 pulldown pullup pulsestyle_ondetect pulsestyle_onevent pure rand randc randcase randsequence rcmos real realtime \
    ref reg reject_on release repeat restrict return rnmos rpmos rtran rtranif0 rtranif1 s_always s_eventually s_nexttime \
    s_until s_until_with scalared sequence shortint shortreal showcancelled signed small soft solve specify specparam static \
    string strong strong0 strong1 struct super supply0 supply1 sync_accept_on sync_reject_on table tagged task this \
    throughout time timeprecision timeunit tran tranif0 tranif1 tri tri0 tri1 triand trior trireg type typedef union unique \
    unique0 unsigned until until_with untyped use uwire var vectored virtual void wait wait_order wand weak weak0 weak1 while \
    wildcard wire with within wor xnor xor wone";

/// VHDL: reserved words (IEEE 1076-2008, 15.10, and 1076-2019); then what packages that every design uses declare, which an
/// entity of the name would hide from itself: libraries, types, literals, units and functions of `standard`,
/// `std_logic_1164` and `numeric_std`.
const VHDL: &str = "abs access after alias all and architecture array assert assume assume_guarantee attribute begin \
    block body buffer bus case component configuration constant context cover default disconnect downto else elsif end entity \
    exit fairness file for force function generate generic group guarded if impure in inertial inout is label library linkage \
    literal loop map mod nand new next nor not null of on open or others out package parameter port postponed private \
    procedure process property protected pure range record register reject release rem report restrict restrict_guarantee \
    return rol ror select sequence severity shared signal sla sll sra srl strong subtype then to transport type unaffected \
    units until use variable view vmode vpkg vprop vunit wait when while with xnor xor ieee numeric_std standard std \
    std_logic_1164 std_logic_arith std_logic_unsigned std_logic_signed textio work bit bit_vector boolean boolean_vector \
    character delay_length integer integer_vector natural positive real real_vector severity_level string time time_vector \
    signed unresolved_signed unresolved_unsigned unsigned std_logic std_logic_vector std_ulogic std_ulogic_vector false true \
    error failure note warning fs ps ns us ms sec min hr now conv_integer conv_std_logic_vector falling_edge resize \
    rising_edge rotate_left rotate_right shift_left shift_right std_match to_01 to_bit to_bitvector to_integer to_signed \
    to_stdlogicvector to_stdulogic to_unsigned to_x01";

/// The C library: types, macros and variables of its headers, which a function of the same name does not get along with.
const LIBRARY: &str = "alloca assert be16toh be32toh be64toh cpu_set daylight environ errno fd_mask fd_set getdate_err \
    htobe16 htobe32 htobe64 htole16 htole32 htole64 jmp_buf lconv le16toh le32toh le64toh major makedev math_errhandling \
    minor offsetof optarg opterr optind optopt sigjmp_buf signgam stderr stdin stdout timespec timeval timezone tm tzname \
    u_char u_int u_long u_short uint ulong ushort va_arg va_copy va_end va_list va_start fpclassify isfinite isgreater \
    isgreaterequal isinf isless islessequal islessgreater isnan isnormal isunordered signbit noreturn complex imaginary \
    program_invocation_name program_invocation_short_name iszero iseqsig assert_perror isascii issubnormal sched_priority \
    sigsetjmp strdupa strndupa toascii isascii_l toascii_l isalnum_l isalpha_l isblank_l iscntrl_l isdigit_l isgraph_l \
    islower_l isprint_l ispunct_l isspace_l isupper_l isxdigit_l";

/// The C library: functions of ISO/IEC 9899:2018 (Annex B) and those of POSIX in the same headers that are words. C++ would
/// take one more function of the name, but a synthesis tool looks for the top function by its name alone.
const FUNCTIONS: &str = "abort abs aligned_alloc asctime at_quick_exit atexit atof atoi atol atoll bsearch btowc c16rtomb \
    c32rtomb calloc clearerr clock ctime difftime div exit fclose feclearexcept fegetenv fegetround feholdexcept feof \
    feraiseexcept ferror fesetenv fesetround fetestexcept feupdateenv fflush fgetc fgetpos fgets fgetwc fgetws fopen fprintf \
    fputc fputs fputwc fputws fread free freopen fscanf fseek fsetpos ftell fwide fwprintf fwrite fwscanf getc getchar getenv \
    gets getwc getwchar gmtime imaxabs imaxdiv isalnum isalpha isblank iscntrl isdigit isgraph islower isprint ispunct \
    isspace isupper iswalnum iswalpha iswblank iswcntrl iswctype iswdigit iswgraph iswlower iswprint iswpunct iswspace \
    iswupper iswxdigit isxdigit labs ldiv llabs lldiv localeconv localtime longjmp malloc mblen mbrlen mbrtoc16 mbrtoc32 \
    mbrtowc mbsinit mbsrtowcs mbstowcs mbtowc memchr memcmp memcpy memmove memset mktime perror printf putc putchar puts \
    putwc putwchar qsort quick_exit raise rand realloc remove rename rewind scanf setbuf setjmp setlocale setvbuf signal \
    snprintf sprintf srand sscanf strcat strchr strcmp strcoll strcpy strcspn strerror strftime strlen strncat strncmp \
    strncpy strpbrk strrchr strspn strstr strtod strtof strtoimax strtok strtol strtold strtoll strtoul strtoull strtoumax \
    strxfrm swprintf swscanf system time timespec_get tmpfile tmpnam tolower toupper towctrans towlower towupper ungetc \
    ungetwc vfprintf vfscanf vfwprintf vfwscanf vprintf vscanf vsnprintf vsprintf vsscanf vswprintf vswscanf vwprintf vwscanf \
    wcrtomb wcscat wcschr wcscmp wcscoll wcscpy wcscspn wcsftime wcslen wcsncat wcsncmp wcsncpy wcspbrk wcsrchr wcsrtombs \
    wcsspn wcsstr wcstod wcstof wcstoimax wcstok wcstol wcstold wcstoll wcstombs wcstoul wcstoull wcstoumax wcsxfrm wctob \
    wctomb wctrans wctype wmemchr wmemcmp wmemcpy wmemmove wmemset wprintf wscanf access acct alarm basename bcmp bcopy brk \
    bzero chdir chown chroot clone close crypt daemon dirname dup execl execv execve execvp ffs fileno fork gamma getline \
    getopt index ioctl kill lchown link lseek nanosleep nice open pause pclose pipe popen profil psignal putenv random read \
    readlink realpath revoke rindex rmdir sbrk select setenv significand sincos sleep srandom strdup swab symlink sync \
    syscall sysconf truncate unlink unsetenv unshare usleep vfork write";

/// The C library: functions of <math.h> and <complex.h>; each also ends in `f` and in `l`.
const MATH: &str = "acos acosh asin asinh atan atan2 atanh cabs cacos cacosh carg casin casinh catan catanh cbrt ccos \
    ccosh ceil cexp cimag clog conj copysign cos cosh cpow cproj creal csin csinh csqrt ctan ctanh drem erf erfc exp exp10 \
    exp2 expm1 fabs fdim finite floor fma fmax fmin fmod frexp hypot ilogb j0 j1 jn ldexp lgamma llrint llround log log10 \
    log1p log2 logb lrint lround modf nan nearbyint nextafter nexttoward pow remainder remquo rint round scalb scalbln scalbn \
    sin sinh sqrt tan tanh tgamma trunc y0 y1 yn";

/// Headers of the C library: the project has a header that is called like the model.
const HEADERS: &str = "complex ctype fenv inttypes iso646 limits locale math stdalign stdarg stdatomic stdbool stddef \
    stdint stdio stdlib stdnoreturn tgmath threads uchar wchar";

/// The vendor's headers declare these outside of any namespace; the others begin with `ap_`.
const VENDOR: &str = "abi af_bit_ref af_range_ref b_and b_not b_or b_xor guess_radix half hls lshift neg print retval \
    rshift ssdm_int ssdm_int_sim valtype";

/// What the generated project calls its own things.
const OWN: &str = "defines input input_t main output output_t parameters sparsehls";

/// Types of the C and C++ libraries, in any header: a layer `size` with the type `size_t` would be one of them.
const TYPES: &str = "blkcnt_t blkcnt64_t blksize_t caddr_t char8_t char16_t char32_t clock_t clockid_t comparison_fn_t \
    cookie_close_function_t cookie_io_functions_t cookie_read_function_t cookie_seek_function_t cookie_write_function_t \
    cpu_set_t daddr_t dev_t div_t double_t errno_t error_t femode_t fenv_t fexcept_t float_t fpos_t fpos64_t fpregset_t \
    fsblkcnt_t fsblkcnt64_t fsfilcnt_t fsfilcnt64_t fsid_t gid_t greg_t gregset_t id_t imaxdiv_t ino_t ino64_t int_t \
    int8_t int16_t int32_t int64_t int_fast8_t int_fast16_t int_fast32_t int_fast64_t int_least8_t int_least16_t \
    int_least32_t int_least64_t intmax_t intptr_t key_t ldiv_t lldiv_t locale_t loff_t max_align_t mbstate_t mcontext_t \
    mode_t nlink_t nullptr_t off_t off64_t pid_t ptrdiff_t quad_t register_t sig_t sig_atomic_t sigevent_t sighandler_t \
    siginfo_t sigset_t sigval_t size_t socklen_t ssize_t stack_t suseconds_t time_t timer_t u_int8_t u_int16_t u_int32_t \
    u_int64_t u_quad_t ucontext_t uid_t uint_t uint8_t uint16_t uint32_t uint64_t uint_fast8_t uint_fast16_t uint_fast32_t \
    uint_fast64_t uint_least8_t uint_least16_t uint_least32_t uint_least64_t uintmax_t uintptr_t useconds_t wchar_t \
    wctrans_t wctype_t wint_t";

/// How the names of the vendor's types begin, those of our own functions and guards, and those of POSIX threads. The word
/// itself is no name either: with any suffix it would be one of them.
const PREFIXES: [&str; 3] = ["ap", "sparsehls", "pthread"];

/// All of these, and whose they are.
static WORDS: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| {
    let lists = [
        (OWN, "the generated project uses it itself"),
        (CPP, "it is a word of C++"),
        (RUST, "it is a word of Rust"),
        (VERILOG, "it is a keyword of Verilog"),
        (VHDL, "it is a word of VHDL"),
        (VENDOR, "the vendor's headers use it"),
        (TYPES, LIBRARY_USES),
        (LIBRARY, LIBRARY_USES),
        (FUNCTIONS, LIBRARY_USES),
        (MATH, LIBRARY_USES),
        (HEADERS, LIBRARY_USES),
    ];
    // Where a word is in several lists the first counts.
    lists.into_iter().rev().flat_map(|(list, whose)| list.split_whitespace().map(move |word| (word, whose))).collect()
});

const LIBRARY_USES: &str = "the C library uses it";

/// Functions of mathematics.
static FUNCTIONS_OF_FLOATS: LazyLock<HashSet<&str>> = LazyLock::new(|| MATH.split_whitespace().collect());

/// What `name`, in lower case, means by itself in a language or header that names reach, if anything.
pub fn meaning(name: &str) -> Option<&'static str> {
    let begins = |prefix: &&str| name.strip_prefix(*prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'));
    // `int7` and `uint12` are types of the vendor's headers for C.
    let is_int = name.strip_prefix('u').unwrap_or(name).strip_prefix("int").is_some_and(is_number);
    let word = WORDS.get(name).copied();
    word.or_else(|| (is_int || begins(&"ap")).then_some("the vendor's headers use such names"))
        .or_else(|| PREFIXES.iter().any(begins).then_some("the names of a library begin like this"))
        .or_else(|| name.strip_suffix(['f', 'l']).filter(|stem| FUNCTIONS_OF_FLOATS.contains(stem)).map(|_| LIBRARY_USES))
        .or_else(|| is_device(name).then_some("Windows makes no file of this name"))
}

/// Whether `name`, in lower case, is a word of Verilog or VHDL.
pub fn is_word_of_hardware(name: &str) -> bool {
    [VERILOG, VHDL].iter().any(|list| list.split_whitespace().any(|word| word == name))
}

/// Whether `name`, in lower case, means something by itself in a language or header that names reach.
pub fn is_reserved(name: &str) -> bool {
    meaning(name).is_some()
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// Windows makes no file of such a name, whatever its extension.
fn is_device(name: &str) -> bool {
    let port = |prefix| name.strip_prefix(prefix).is_some_and(|number| number.len() == 1 && is_number(number));
    matches!(name, "aux" | "con" | "nul" | "prn") || port("com") || port("lpt")
}
