"""Places: what stands in a program that may be wrong, and where it can stand.

    PRELUDE         declarations that the rest is about
    OPERANDS        expressions and types; many are wrong
    EXPRESSIONS     with a place, @, for an operand
    STATEMENTS      the same; each goes into a function of its own
    DECLARATIONS    the same, at the level of the package; # is a number that no other case has

Left out is `ct += ct`, of which Go says that it overflows, but not where, and what Go takes for type arguments: the
brackets in `[]int[0]` belong to the `int`.                                                   Next: misuse.py
"""

PRELUDE = """package main

import "fmt"
import "strings"

type Inner struct{ deep int }
type S struct { a int; b string; c []int; in Inner; p *Inner; f func() int }
type E struct { Inner; e int }
type N int
type F float64
type W string
type Q bool
type A3 [3]int
type L []int
type M map[string]S
type PI *int
type Fn func(int) int
type Shape interface { Area() int }
type Sq struct { side int }
type Big struct { f func() }

func (s Sq) Area() int { return s.side }
func (s *Sq) Grow(n int) { s.side += n }
func (n N) Twice() N { return n * 2 }

const cu = 1
const ct int8 = 100
const cf = 1.5
const cs = "text"
const cb = true
const huge = 1 << 100

var (
	i int; i8 int8; u uint; f float64; st string; b bool; r rune; by byte; n N; w W; q Q; fl F
	xs []int; ss []string; bs []byte; arr [3]int; a3 A3; l L; pa *[3]int
	m map[string]int; ms M; mi map[int]*S; mm map[string]map[string]int; mx map[any]int
	s S; ps *S; pps **S; e E; sq Sq; psq *Sq; big Big
	pi *int; any1 any; err error; shape Shape; psh *Shape
	fn func(int) int; f0v func(); var1 = 3; anon struct { x int }
)

func none() {}
func one() int { return 1 }
func oneS() S { return S{} }
func two() (int, string) { return 1, "" }
func twoI() (int, int) { return 1, 2 }
func three() (int, int, error) { return 1, 2, nil }
func take(int) {}
func take2(int, string) {}
func vari(string, ...int) {}
func conv(x int) (y int) { return x }
func addr() *S { return nil }
func maker() func() int { return nil }
var _, _ = fmt.Println, strings.Fields
"""

OPERANDS = """
1 -1 0 1.5 1e100 'a' "text" "" true nil cu cf cs cb huge 300 1.0 2i
i i8 u f st b r by n w q fl xs ss bs arr a3 l pa m ms mi mm mx s ps pps e sq psq pi any1 err shape psh fn f0v anon
big
undef _ int string S I N error any []struct{} map[string]struct{} *int Shape func() fmt fmt.Println fmt.Undef fmt.print
strings
none() one() oneS() two() twoI() three() conv(1) take(1) none one two addr() maker() maker()()
len cap append make new panic println print copy delete max min recover iota main
len(xs) len(1) cap(m) append(xs,1) append(xs,"") append() make([]int) make(int) new(int) new(1) copy(xs,xs) copy(xs)
len()
max(1,2.5) min("",1) max() delete(m,1) delete(m,"") recover() panic(1) print(1) clear(xs) clear(i)
s.a s.b s.c s.z s.A s.in.deep s.p.deep ps.a pps.a e.deep e.Inner e.x sq.Area sq.Grow psq.Grow sq.Area() sq.Grow(1)
Sq.Area Sq.Grow (*Sq).Grow
oneS().a oneS().c[0] addr().a ms["x"].a ms["x"].c ms["x"] ms["x"].in.deep m["x"] m[1] mi[1].a mi[""] mm["a"]["b"]
mx[xs] sq.side.z
xs[0] xs[-1] xs[1.5] xs["a"] xs[i] xs[f] arr[5] arr[2] a3[i] pa[7] st[0] "abc"[5] cs[0] xs[:] xs[1:0] arr[:9]
st[1:2:3] 1[0] i[0] xs[0][0] one()[0]
shape.Area() shape.Area shape.Grow err.Error() any1.(int) any1.(S) shape.(Sq) shape.(*Sq) shape.(int) i.(int)
err.(undef) nil.(int) any1.(two)
int(1) int("a") int(f) int(1.5) int8(300) string(1) string(i) string(f) []byte("a") []byte(1) N(1) N("") S(s) S(1)
S(anon) Shape(sq) Shape(s) error(nil) int() int(1,2) undef(1) *int(nil) (*int)(nil) float32(1e300) uint(-1)
S{} S{1} S{a:1} S{z:1} S{a:""} S{a:1,a:2} S{1,"",nil,Inner{},nil,nil} &S{} &S{1} []int{1,2} []int{"a"}
[]int{0:1,0:2} [2]int{1,2,3} [...]int{1} map[string]int{"a":1,"a":2} map[string]int{1:1} map[int]string{1} int{}
undef{} N{1} L{1} []S{{1}} []*S{{a:""}} E{deep:1} E{Inner{1},2} struct{x,y int}{1} [undef]int{} []undef{} [-1]int{}
[f]int{}
&i &1 &one() &s.a &m["x"] &xs[0] &nil &undef &fn &take *pi *ps *i *nil *undef **pps *one() &&i *&i
-i -st !i !b ^f ^i +st -nil !nil -undef -two() ^1 -u -1.5 +true -cs -none()
i+1 i+f i+"" st+"a" st+1 1+"a" i+nil nil+nil 1/0 i/0 f/0 1.5%1 i%2 f%2 i8+300 u-(-1) ct+100 ct*ct huge+1 huge*huge
i+undef undef+undef two()+1 none()+1 i+none() i+two() int+1 len+1
i==1 i=="" i==f i==nil nil==nil s==s s==nil xs==nil xs==xs fn==nil fn==fn m==m big==big shape==sq shape==s
shape==psq sq==shape err==1 any1==1 any1==xs any1==nil ps==nil ps==psq i<2 b<b st<"a" s<s shape<shape i==two()
i==none() i==undef i==int n==i n==1 n==1.5 w=="a" q==b q==(i==1) s=="a" arr==a3 arr==1
b&&true i&&b b||1 1&&2 b&&nil !b&&undef
i<<1 i<<f i<<1.0 i<<1.5 1<<i 1.0<<i 1.5<<2 1.5<<i f<<1 "a"<<1 i<<-1 i<<u i<<"a" i<<nil u<<i 1<<huge i<<two() nil<<1
func(){} func(){}() func()int{return(1)}() func()int{return("")}() func()(int,string){return(1)}()
func(...int)int{return(2)}(1) func(){return(1)}
take(i) take() take(1,2) take("") take(f) take(nil) take(two()) take2(two()) take2(1,"") take2(twoI()) take2(1)
vari() vari("",1,2) vari("",xs...) vari("",ss...) vari("",1,"a") vari(two()) vari("",two()) i() nil() s() sq.Area(1)
sq.Grow() sq.Grow("") fn(1)(2) fn("") fmt.Println(two()) fmt.Println(none()) fmt.Sprint(1) strings.Fields(1)
strings.fields("") strings.Fields("a")[0] undef(undef) undef.x undef.x.y undef() undef[0] undef[undef] two().x
none().x two()[0] none()[0] two()() S.a S.z int.x nil.x
""".split()

# With bars between them.
_EXPRESSIONS = """
(@) | -@ | !@ | ^@ | +@ | *@ | &@ | @+1 | 1+@ | @+i | st+@ | @==1 | nil==@ | @==@ | @<i | i==@ | @&&b | b&&@ | @<<1
1<<@ | i<<@ | @/0 | @%2 | @*f | huge*@ | @.a | @.deep | @.Area | @.Grow | @.undef | @.Error() | @[0] | @["x"] | @[i]
@[undef] | xs[@] | arr[@] | m[@] | ms[@].a | @[1:] | @[:2] | @[1:2:3] | xs[@:] | xs[:@] | st[@:1] | @() | @(1)
@(i,undef) | @(1,"a") | take(@) | take2(@) | take2(@,"a") | take2(1,@) | vari(@) | vari("",@) | vari("",@...)
vari(@,1,2) | undef(@) | fn(@) | one(@) | none(@) | two(@) | sq.Area(@) | sq.Grow(@) | psq.Grow(@) | (*Sq).Grow(@,1)
Sq.Area(@) | shape.Area(@) | fmt.Sprint(@) | strings.Fields(@) | fmt.Undef(@) | int(@) | float64(@) | string(@)
[]byte(@) | N(@) | W(@) | S(@) | Shape(@) | any(@) | (*S)(@) | []int(@) | error(@) | bool(@) | func()(@) | A3(@)
undef(@,@) | int(@,1) | len(@) | cap(@) | append(@,1) | append(xs,@) | append(xs,@...) | append(@...) | append(@)
copy(@,xs) | copy(xs,@) | copy(@) | delete(m,@) | delete(@,"") | make(@) | make([]int,@) | make([]int,1,@)
make([]int,@,1) | make(map[string]int,@) | new(@) | panic(@) | max(@) | max(@,1) | min(1,@) | max(i,@,f) | clear(@)
recover(@) | print(@) | len(@,1) | make(@,1) | @.(int) | @.(Shape) | any1.(@) | shape.(@) | undef.(@) | S{@}
S{a:@} | S{z:@} | S{@:1} | S{@,"b"} | &S{b:@} | E{@} | E{@,1} | E{Inner:@} | E{Inner{@},1} | []int{@} | []int{1,@}
[]int{@:1} | [...]int{@} | [3]int{2:@,@} | []string{@} | map[string]int{@:1} | map[string]int{"a":@}
map[any]any{@:@} | []S{{@}} | []S{@} | []any{@} | []*S{{a:@}} | map[string]S{"x":{@}} | undef{@} | @{1} | @{}
undef{@:1} | []Shape{@} | [@]int{} | [][]int{{@}} | struct{x int}{@} | map[N]int{@:1} | int{@}
func()int{return @}() | func()(int,string){return @} | func()(int,string){return 1,@} | func(){return @}
func(x int)int{return x}(@) | func(){@} | func()any{return @}() | func()(x int){x=@;return}() | func(x @){}
"""
EXPRESSIONS = [form.strip() for form in _EXPRESSIONS.replace("\n", "|").split("|") if form]

STATEMENTS = """
@
_ = @
v := @
v := @; _ = v
var v = @; _ = v
var v = @
var v int = @; _ = v
var v string = @; _ = v
var v undef = @; _ = v
var v Shape = @; _ = v
var v any = @; _ = v
var v, v2 = @; _, _ = v, v2
var v, v2 int = @; _, _ = v, v2
var v, v2 = @, 1; _, _ = v, v2
var v, v2, v3 = @, 1
v, v2 := @; _, _ = v, v2
v, v2 := @, @
v, ok := @; _, _ = v, ok
i, v := @; _ = v
v, v2, v3 := 1, @
_, _ = @
_, _ = @, 1
_, v := @
_ = @, 1
_ , _ = 1, @, 2
i = @
i, st = @
i, st = @, @
i, undef = @
i, undef = @, 1
i, i = 1, @, 2
undef = @
st = @
f = @
b = @
i8 = @
n = @
xs = @
s = @
ps = @
m = @
fn = @
any1 = @
shape = @
err = @
s.a = @
s.z = @
ms["x"].a = @
m["x"] = @
xs[0] = @
xs[@] = 1
m[@] = 1
*pi = @
@ = 1
@ = i
@ = nil
@ = "a"
@ = undef
@ = @
@, i = 1, 2
@, @ = 1, 2
@, i = two()
@, i = undef
@, _ = 1
@.a = 1
@[0] = 1
*@ = 1
(@) = 1
@ := 1
@, v := 1, 2
@++
@--
@.a++
@[0]--
i += @
st += @
f -= @
n *= @
i8 += @
b += @
s += @
any1 += @
@ += 1
@ -= "a"
i <<= @
i %= @
i /= @
f &= @
undef += @
xs[@] += 1
m[@]++
if @ { }
if !@ { }
if v := @; v { }
if v := @; v == 1 { }
if @; b { }
if i = @; b { }
if b { } else if @ { }
for @ { }
for i = 0; @; i++ { }
for i := @; i < 3; i++ { }
for ; ; i = @ { }
for ; b; @ { }
for range @ { }
for v := range @ { _ = v }
for v := range @ { }
for k, v := range @ { _, _ = k, v }
for _, v := range @ { _ = v }
for _, v := range @ { }
for i = range @ { }
for i, st = range @ { }
for st = range @ { }
for _, i = range @ { }
for _ = range @ { }
for undef = range @ { }
for @ = range xs { }
for @ = range 3 { }
for _, @ = range m { }
for @, v := range xs { _ = v }
switch @ { }
switch @ { case 1: }
switch @ { case 1, "a": }
switch @ { case nil: }
switch @ { case undef: }
switch @ { case @: }
switch @ { case 1, 1: }
switch v := @; v { case 1: }
switch v := @; { case v: }
switch { case @: }
switch { case b, @: }
switch i { case @: }
switch i { case 1, @: }
switch i { case @, @: }
switch st { case @: }
switch any1 { case @: }
switch shape { case @: }
switch b { case @: }
switch n { case @: }
switch f { case @: }
switch s { case @: }
switch xs { case @: }
switch undef { case @: }
switch two() { case @: }
switch none() { case @: }
switch nil { case @: }
switch 1 { case @: }
switch @.(type) { }
switch @.(type) { case int: }
switch v := @.(type) { case int: _ = v }
switch v := @.(type) { case int: }
switch v := @.(type) { case undef: _ = v }
switch v := @.(type) { case int, string: _ = v + 1 }
switch any1.(type) { case @: }
switch any1.(type) { case int, @: }
switch shape.(type) { case @: }
switch v := any1.(type) { case @: _ = v }
switch v := shape.(type) { case @: _ = v.z }
switch undef.(type) { case @: }
switch _ := @.(type) { }
return @
return @, 1
defer @
defer @()
defer @(1)
defer take(@)
defer func() { _ = @ }()
defer (@)
go @
panic(@)
var v [@]int; _ = v
var v @; _ = v
var v []@; _ = v
var v map[@]int; _ = v
var v map[string]@; _ = v
var v *@; _ = v
var v func(@) int; _ = v
var v struct { @ }; _ = v
var v struct { x @ }; _ = v
const k = @; _ = k
const k int = @; _ = k
const k int8 = @
const k string = @
const k float64 = @
const k undef = @
const k @ = 1
const k, k2 = @
const k, k2 = @, 1
const ( k = @; k2; k3 ); _ = k2
const ( k int8 = iota + @; k2 ); _ = [1]int{k}
type T @; var v T; _ = v
type T = @; var v T; _ = v
type T struct { @ }; _ = T{1}
type T struct { x @ }; _ = T{x: 1}
type T []@; _ = T{1}
type T [(@)]int; _ = T{1}
type T interface { @ }; var v T; _ = v
type T interface { M() @ }; var v T = sq; _ = v
type T func(@); var v T; v(1)
v := func() int { return @ }; _ = v
v := func(x int) { x = @ }; _ = v
v := func(x int) (y string) { y = @; return }; _ = v
func() { v := @ }()
func() { @ }()
var v = @; v = 1; _ = v
v := @; v.a = 1
v := @; v = "a"; v++
v := @; v, w := v, 1; _ = w
v := @; _ = v + 1
v := @; _ = v.x
v := @; _ = v[0]
v := @; _ = *v
v := @; v()
v := @; _ = &v
v := @; for range v { }
v := @; if v { }
v := @; take(v)
v, v2 := @; _ = v + v2
{ @ }
L: for { _ = @; break L }
if _, ok := @; ok { }
if _, ok := @; !ok { } else { _ = undef }
var v, ok = @; _, _ = v, ok
var v int; v, b = @
var ok bool; _, ok = @; _ = ok
@; @
@ <- 1
v := <-@; _ = v
""".strip().splitlines()

DECLARATIONS = """
var g# = @
var g# int = @
var g# string = @
var g#, h# = @
var g#, h# = @, 1
var g#, h#, j# = @, 1
var g# undef = @
var g#, h# int = @
var _ = @
var _, _ = @
var g# @
var g# = g# + @
var g# = func() int { return @ }
const k# = @
const k# int8 = @
const k# string = @
const k#, j# = @
const ( k# = iota + @; l#; _; j# )
const ( _, k# = iota, @; l#, j# )
type T# @
type T# = @
type T# struct { @ }
type T# struct { x @; y [@]int }
type T# interface { @ }
type T# interface { M() @; N(@) }
type T# [(@)]int
type T# []T#; var g# T# = @
type T# map[@]int
func h#(x @) { }
func h#() @ { return nil }
func h#(x int) @ { return x }
func h#(x ...@) { _ = x[0] }
func h#() (x int, y @) { return @ }
func h#() int { return @ }
func h#() (int, string) { return @ }
func h#() (int, string) { return 1, @ }
func h#() (int, error) { return @, nil }
func h#() (x, y int) { x, y = @; return }
func h#() { return @ }
func (T @) h#() { }
func (x *Sq) h#() int { return @ }
""".strip().splitlines()
