; In how many ways n queens stand on a board and do not see each other.
(define (is-safe row distance others)
  (cond ((not others) t)
        ((= (car others) row) nil)
        ((= (car others) (+ row distance)) nil)
        ((= (car others) (- row distance)) nil)
        (t (is-safe row (+ distance 1) (cdr others)))))

(define (place column n others)
  (if (= column n) 1
      (let ((row 0) (ways 0))
        (while (< row n)
          (if (is-safe row 1 others)
              (set! ways (+ ways (place (+ column 1) n (cons row others)))))
          (set! row (+ row 1)))
        ways)))

(print (place 0 4 nil) (place 0 5 nil)) ; expect: 2 10
