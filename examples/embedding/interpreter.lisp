; An interpreter in the interpreter: its variables are an association list, its programs are lists.
(define (lookup name env)
  (cond ((not env) (list 'unbound name))
        ((eq (car (car env)) name) (cdr (car env)))
        (t (lookup name (cdr env)))))

(define (bind names values env)
  (if (not names) env
      (cons (cons (car names) (car values)) (bind (cdr names) (cdr values) env))))

(define (values-of codes env)
  (if (not codes) nil (cons (value-of (car codes) env) (values-of (cdr codes) env))))

(define (value-of code env)
  (cond ((number? code) code)
        ((symbol? code) (lookup code env))
        ((eq (car code) 'if)
         (value-of (if (value-of (car (cdr code)) env) (car (cdr (cdr code))) (car (cdr (cdr (cdr code))))) env))
        ((eq (car code) 'fn) (list 'closure (car (cdr code)) (car (cdr (cdr code))) env))
        (t (call (value-of (car code) env) (values-of (cdr code) env)))))

(define (call f arguments)
  (if (pair? f)
      (value-of (car (cdr (cdr f))) (bind (car (cdr f)) arguments (car (cdr (cdr (cdr f))))))
      (apply f arguments)))

(define globals (list (cons 'add +) (cons 'mul *) (cons 'less <) (cons 'sub -)))

; Factorial by a function that is given itself.
(define program
  '((fn (fact) (fact fact 10))
    (fn (self n) (if (less n 2) 1 (mul n (self self (sub n 1)))))))

(define rounds 3)
(while (< 0 rounds)
  (print (value-of program globals)) ; expect: 3628800
  ; expect: 3628800
  ; expect: 3628800
  (set! rounds (- rounds 1)))
(print (value-of '(add nowhere 1) (cons (cons 'nowhere 41) globals))) ; expect: 42
