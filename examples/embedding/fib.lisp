; Recursion, and a loop by a call in last place.
(define (fib n)
  (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2)))))
(print (fib 10)) ; expect: 55

(define (count n total)
  (if (= n 0) total (count (- n 1) (+ total n))))
(print (count 1000 0)) ; expect: 500500
