"""Parts that the diagrams of several cells share; a diagram takes them in with a line `with NAME`."""

LSTM = """
port h 0 0.9 h
port x 0.9 -0.2 x
port h' 10.4 0.9 h'
port c 0 4.4 c
port c' 10.4 4.4 c'
join j 0.9 0.9
copy k 9.0 4.4
squash s 9.0 3.6 tanh
times xo 9.0 2.7
layer o 7.3 1.9 o=σ
layer g 5.6 1.9 g=tanh
times xi 5.6 3.1
plus add 5.6 4.4
copy bg 5.6 0.9
h -- j
x -- j
bg -- g
bg -| o
g -- xi = i
xi -- add ~ 1
k -- c' ~ 1
k -- s
s -- xo = o
xo |- h' ~ 1
o |- xo
"""
"""What every LSTM has."""

FORGET_AND_INPUT = """
times xf 2.2 4.4
layer f 2.2 1.9 f=σ
layer i 3.9 1.9 i=σ
copy bf 2.2 0.9
copy bi 3.9 0.9
j -- bf
bf -- f
bf -- bi
bi -- i
bi -- bg
f -- xf
i |- xi
"""
"""A forget gate and an input gate, each of its own."""
