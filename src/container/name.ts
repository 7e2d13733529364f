// Names of containers and volumes: which are allowed, and random ones for containers that were given none.
import { TspodError } from '#errors.ts'

/** Throws INVALID (in podman's words) unless the name may be one of a container, volume or network. */
export function checkName(what: string, name: string): void {
  if (isName(name)) return
  throw new TspodError('INVALID', `${what} "${name}": names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid argument`)
}

/** True for what may name a container, volume or network. */
export function isName(text: string): boolean {
  return /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(text) && text.length <= 255
}

const adjectives = (
  'able agile amber ample apt arctic autumn blithe bold brave bright brisk calm candid clever cosmic cozy crisp ' +
  'curious daring deft dreamy eager earnest easy elated epic fair fearless fine fleet fond frank fresh gentle glad ' +
  'golden graceful grand happy hardy hearty honest humble ideal jolly jovial keen kind lively loyal lucid lucky ' +
  'mellow merry mighty mindful modest neat nimble noble patient placid plucky polite proud quick quiet radiant ready ' +
  'rested robust serene sharp shiny silent sincere smooth snug sober solid spry stellar steady sunny swift tender ' +
  'thrifty tidy tranquil trusty upbeat valiant vivid warm wise witty zealous zen'
).split(' ')

// Scientists and engineers.
const surnames = (
  'ampere archimedes avicenna babbage banach bardeen bell bernoulli berners bohr boole born bose boyle brahe braun ' +
  'cantor carson cavendish celsius chandra clarke copernicus coulomb curie cuvier dalton darwin davy dijkstra dirac ' +
  'doppler edison ehrlich einstein engelbart erdos euclid euler fahrenheit faraday fermat fermi feynman fibonacci ' +
  'fleming foucault fourier franklin galileo galois gauss germain goedel goodall haber hamilton hawking heaviside ' +
  'heisenberg hertz herschel hilbert hodgkin hooke hopper hubble humboldt huygens hypatia jacobi jemison joule kalman ' +
  'kelvin kepler khayyam kilby knuth kovalevskaya lagrange lamarr lamport laplace lavoisier leavitt leibniz linnaeus ' +
  'liskov lovelace maxwell mayer mcclintock meitner mendel mendeleev mirzakhani moore napier newton nobel noether ohm ' +
  'pasteur pauli pauling pavlov perlman planck poincare poisson ptolemy pythagoras raman ramanujan riemann ritchie ' +
  'rontgen rubin rutherford sagan salam shannon siemens snyder somerville stokes tesla thales thompson torvalds turing ' +
  'volta wallace watt weber wien wiles wirth wozniak wright wu yalow yukawa zeno zuse'
).split(' ')

/** A name such as `curious_hopper`; a number follows from the `attempt`th try (0 first) where names clash. */
export function randomName(attempt = 0): string {
  const pick = (words: string[]) => words[Math.floor(Math.random() * words.length)]
  return `${pick(adjectives)}_${pick(surnames)}${attempt === 0 ? '' : attempt}`
}
