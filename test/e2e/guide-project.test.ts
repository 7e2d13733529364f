// The hands-on project of a well-known guide to containers: a small Flask application, from its Dockerfile to the clean-up. The base image
// and Flask's packages are made on this machine; a requirement that pip installs is made by the test.
import { describe, expect } from 'bun:test'
import { cpSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { e2e, until, useSandbox, write } from './sandbox.ts'
import { zipOf } from './zip.ts'

const box = useSandbox('python')
const { ok, tspodWith } = box

const app = (greeting: string): string => `from flask import Flask
import os
import greeting

app = Flask(__name__)

@app.route('/')
def hello():
    print('asked', flush=True)
    return f"${greeting} from {greeting.place()}! My hostname is {os.uname().nodename} and my PID is {os.getpid()}.\\n"

if __name__ == '__main__':
    app.run(host='0.0.0.0', port=80)
`

const dockerfile = `# A Debian with Python and pip takes the place of python:3.9-slim-buster
FROM python

# Flask from the packages of the distribution
RUN --mount=source=packages,target=/packages dpkg -i /packages/*.deb

# Set the working directory in the container
WORKDIR /app

# Copy the requirements file into the container at /app
COPY requirements.txt .
COPY wheels /wheels

# Install any needed packages specified in requirements.txt
RUN pip install --no-cache-dir --break-system-packages --no-index --find-links /wheels -r requirements.txt

# Copy the rest of the application code into the container at /app
COPY app.py .

# Make port 80 available to the world outside this container
EXPOSE 80

# Run app.py when the container launches
CMD ["python3", "app.py"]
`

/** A wheel is a zip archive: a module, and three files that describe it (binary distribution format, PyPA). */
function makeWheel(folder: string): void {
  const files: Record<string, string> = {
    'greeting.py': 'def place():\n    return "container"\n',
    'greeting-1.0.dist-info/METADATA': 'Metadata-Version: 2.1\nName: greeting\nVersion: 1.0\n',
    'greeting-1.0.dist-info/WHEEL': 'Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n',
    'greeting-1.0.dist-info/RECORD': '',
  }
  mkdirSync(folder)
  writeFileSync(join(folder, 'greeting-1.0-py3-none-any.whl'), zipOf(files))
}

function project(): string {
  const folder = box.folder('flask-app')
  write(folder, 'app.py', app('Hello'))
  write(folder, 'requirements.txt', 'greeting==1.0\n')
  write(folder, 'Dockerfile', dockerfile)
  makeWheel(join(folder, 'wheels'))
  cpSync(process.env.TSPOD_TEST_FLASK_PACKAGES ?? '', join(folder, 'packages'), { recursive: true })
  return folder
}

describe('the guide’s project', () => {
  e2e('python', 'slirp4netns')(
    'is built, run, asked through its port, looked at, built again after a change, and removed',
    async () => {
      const folder = project()
      expect(readdirSync(join(folder, 'packages')).join()).toContain('python3-flask')
      const build = async () =>
        await tspodWith({ timeoutMs: 240_000, cwd: folder }, 'build', '-t', 'my-flask-app:1.0', '.')
      const first = await build()
      expect({ status: first.status, stderr: first.status === 0 ? '' : first.stderr }).toEqual({
        status: 0,
        stderr: '',
      })
      expect(await ok('images', '--format', '{{.Repository}}:{{.Tag}}')).toContain('localhost/my-flask-app:1.0')

      await ok('run', '-d', '-p', '18080:80', '--name', 'flask-container', 'my-flask-app:1.0')
      const ask = () => Bun.spawnSync(['curl', '-sS', 'http://127.0.0.1:18080/']).stdout.toString()
      await until('the application to answer', () => ask() !== '', 60_000)
      const hostname = await ok('exec', 'flask-container', 'cat', '/proc/sys/kernel/hostname')
      expect(ask()).toBe(`Hello from container! My hostname is ${hostname} and my PID is 1.\n`)
      expect(await ok('exec', 'flask-container', 'ls', '/app')).toContain('app.py')
      expect((await box.tspod('logs', 'flask-container')).stdout).toContain('asked')
      expect(await ok('inspect', '-f', '{{.State.Status}} {{.Path}} {{.Args}}', 'flask-container')).toBe(
        'running python3 [app.py]',
      )
      expect(await ok('port', 'flask-container')).toContain('18080')
      await ok('stop', '-t', '1', 'flask-container')
      await ok('rm', 'flask-container')

      write(folder, 'app.py', app('Welcome'))
      const second = await build()
      expect(second.status).toBe(0)
      const install = /#(\d+) .*RUN pip install/.exec(second.stderr)?.[1]
      if (box.command[0] !== 'podman') {
        expect(second.stderr).toContain(`#${install} CACHED`)
        expect(second.stderr).not.toMatch(/#\d+ .*COPY app.py \.\n#\d+ CACHED/)
      } else expect(second.stdout).toMatch(/pip install[\s\S]*Using cache/)
      expect(await ok('run', '--rm', 'my-flask-app:1.0', 'grep', '-c', 'Welcome', 'app.py')).toBe('1')
      await ok('rmi', 'my-flask-app:1.0')
      expect((await box.tspod('image', 'exists', 'my-flask-app:1.0')).status).toBe(1)
    },
    600_000,
  )
})
